import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitSentences } from "./sentences.js";

const text = fc.string({
  unit: fc.constantFrom("Word", "word", " ", "\n", ".", "?", "。", "\u3000", "Mr.", "J.", '"', "5", "é", "😀", "\u0000"),
});

describe("splitSentences", () => {
  it("cuts after the stop and puts white space before the next sentence", () => {
    expect(splitSentences('It rained. "Why?" asked Ann.\n\nNobody knew!  ')).toEqual([
      "It rained.",
      ' "Why?"',
      " asked Ann.",
      "\n\nNobody knew!  ",
    ]);
    expect(splitSentences("  One line\nanother。第三。")).toEqual(["  One line", "\nanother。", "第三。"]);
  });

  it("goes on after titles and initials, and stops after the word I", () => {
    expect(splitSentences("Mr. Fox met Dr. J. R. Hare. (Mrs. Fox too.) It was I. They sat.")).toEqual([
      "Mr. Fox met Dr. J. R. Hare.",
      " (Mrs. Fox too.)",
      " It was I.",
      " They sat.",
    ]);
  });

  it("gives nothing for nothing, and blanks whole", () => {
    expect(splitSentences("")).toEqual([]);
    expect(splitSentences(" \n ")).toEqual([" \n "]);
  });

  it("loses nothing and gives no blank sentence beside others", () => {
    fc.assert(
      fc.property(text, (text) => {
        const sentences = splitSentences(text);
        expect(sentences.join("")).toBe(text);
        if (text.trim() !== "") for (const sentence of sentences) expect(sentence.trim()).not.toBe("");
      }),
      { numRuns: 1000 },
    );
  });

  it("cuts long texts as it cuts their parts, also sentences longer than it looks ahead", () => {
    const parts = [3, 700, 5000, 10, 2040, 1, 9000].map((length, i) => `${i === 0 ? "" : " "}Sentence ${"w ".repeat(length)}end.`);
    expect(splitSentences(parts.join(""))).toEqual(parts);
    const many = Array.from({ length: 5000 }, (_, i) => `${i === 0 ? "" : " "}Number ${i} of many.`);
    expect(splitSentences(many.join(""))).toEqual(many);
  });
});
