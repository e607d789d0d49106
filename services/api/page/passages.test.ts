import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findEdit, removeSpans, shiftSpans, splitBlocks, splitPassages, type TextEdit } from "./passages.js";

const apply = (text: string, { start, removed, inserted }: TextEdit) =>
  text.slice(0, start) + inserted + text.slice(start + removed.length);
const texts = fc
  .array(fc.constantFrom("The cat sat on the mat. ", "\n", "\n\n", "x", "A dog barked! ".repeat(90)), { maxLength: 12 })
  .map((parts) => parts.join(""));

describe("splitBlocks", () => {
  it("gives the text again, in blocks that a browser shows as they are", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const blocks = splitBlocks(text);
        expect(blocks.join("\n")).toBe(text);
        expect(blocks.slice(0, -1).some((block) => block.endsWith("\n") || block === "")).toBe(false);
      }),
    );
  });

  it("keeps a short text whole and cuts a long one between paragraphs", () => {
    expect(splitBlocks("One.\n\nTwo.")).toEqual(["One.\n\nTwo."]);
    const paragraph = "Words and words. ".repeat(70).trim();
    expect(splitBlocks(`${paragraph}\n\n${paragraph}`)).toEqual([paragraph, `\n${paragraph}`]);
  });
});

describe("splitPassages", () => {
  it("covers a block, and ends passages with sentences", () => {
    const block = "The old boat lies in the grass below the bridge. ".repeat(100);
    const passages = splitPassages(block);
    expect(passages.length).toBeGreaterThan(2);
    expect(passages.map(({ start, end }) => block.slice(start, end)).join("")).toBe(block);
    for (const { end } of passages.slice(0, -1)) expect(block[end - 1]).toBe(".");
    expect(Math.max(...passages.map(({ start, end }) => end - start))).toBeLessThanOrEqual(1800);
  });

  it("cuts text without sentences between words, and without words anywhere", () => {
    expect(splitPassages("word ".repeat(1000)).length).toBeGreaterThan(2);
    expect(splitPassages("x".repeat(5000)).map(({ end }) => end)).toEqual([1800, 3600, 5000]);
  });

  it("has none for blank blocks", () => expect(splitPassages(" \n ")).toEqual([]));
});

it("findEdit finds what changed", () => {
  fc.assert(fc.property(texts, texts, (before, after) => void expect(apply(before, findEdit(before, after))).toBe(after)));
  expect(findEdit("the cat", "the black cat")).toEqual({ start: 4, removed: "", inserted: "black " });
});

it("shiftSpans moves what is behind an edit and drops what it touches", () => {
  const spans = [
    { start: 0, end: 3 },
    { start: 4, end: 7 },
    { start: 8, end: 11 },
  ];
  expect(shiftSpans(spans, { start: 5, removed: "b", inserted: "bbb" })).toEqual([
    { start: 0, end: 3 },
    { start: 10, end: 13 },
  ]);
});

it("removeSpans leaves no double spaces", () => {
  expect(removeSpans("One. Two. Three.", [{ start: 5, end: 9 }])).toBe("One. Three.");
  expect(removeSpans("One. Two.", [{ start: 5, end: 9 }])).toBe("One.");
});
