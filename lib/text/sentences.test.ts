import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findGrowth, hostile } from "../../test/growth.js";
import { places } from "../cli/paths.js";
import { readPassages } from "../data/dataset.js";
import { normalizeText } from "./normalize.js";
import { findSentences, splitSentences } from "./sentences.js";

const passages = readPassages(places.sample, { targets: false }).passages.map(({ excerpt }) => excerpt);
const cut = (text: string) => findSentences(text).map(({ start, end }) => text.slice(start, end));

/** Texts of our own by what makes them hard to cut; each sentence ends at a ¦. */
const cases: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(new URL("./sentences.cases.json", import.meta.url), "utf8"),
);

describe("the sentences of the cases", () => {
  const results = Object.entries(cases).map(([kind, texts]) => {
    const wrong: string[] = [];
    let count = 0;
    for (const text of texts) {
      const found = cut(text.replaceAll("¦", ""));
      for (const expected of text.split("¦").map((sentence) => sentence.trim())) {
        count++;
        const at = found.indexOf(expected);
        if (at === -1) wrong.push(expected);
        else found.splice(at, 1);
      }
    }
    return { kind, count, wrong };
  });
  const total = results.reduce((sum, { count }) => sum + count, 0);

  it.each(results)("are right for $kind ($count)", ({ count, wrong }) => {
    expect(wrong.length / count, wrong.join(" ¦ ")).toBeLessThanOrEqual(0.05);
  });

  it(`are right in 98 of 100, of ${total} in ${results.length} kinds`, () => {
    expect(results.length).toBeGreaterThanOrEqual(12);
    expect(total).toBeGreaterThanOrEqual(300);
    const wrong = results.flatMap(({ wrong }) => wrong);
    expect(wrong.length / total, wrong.join(" ¦ ")).toBeLessThanOrEqual(0.02);
  });
});

describe("findSentences", () => {
  it("gives places in the text, without the white space around", () => {
    expect(findSentences("  It rained 😀.  \n\nNobody\tcame. ")).toEqual([
      { start: 2, end: 15 },
      { start: 19, end: 31 },
    ]);
    expect(findSentences(" \n ")).toEqual([]);
  });

  const line = (text: string) => text.replace(/\s+/g, " ");

  it("cuts a paragraph wrapped at 40 columns as the paragraph", () => {
    for (const paragraph of passages.flatMap((passage) => passage.split("\n")).filter((paragraph) => paragraph.length > 100)) {
      const wrapped = wrap(paragraph, 40);
      expect(cut(wrapped).map(line)).toEqual(cut(paragraph).map(line));
      expect(cut(normalizeText(wrapped))).toEqual(cut(paragraph));
    }
  });

  it("cuts invented paragraphs wrapped at any width as the paragraphs", () => {
    const plain = fc.constantFrom(
      ..."the a red dog ran quickly across her very long garden to find what he had lost, house walked well-known of and".split(" "),
    );
    const tricky = fc.constantFrom(...'Mr. Brown U.S. p.m. e.g. 3.14 "Stop!" Ann (or Ben) J. 1999'.split(" "));
    const word = fc.oneof({ arbitrary: plain, weight: 9 }, { arbitrary: tricky, weight: 1 });
    const sentence = fc
      .tuple(
        fc.constantFrom("The", "He", "When", "Nobody", "It"),
        fc.array(word, { minLength: 8, maxLength: 20 }),
        fc.constantFrom(".", "!", "?"),
      )
      .map(([first, words, end]) => `${first} ${words.join(" ")} there${end}`);
    const paragraph = fc.array(sentence, { minLength: 4, maxLength: 8 }).map((sentences) => sentences.join(" "));
    fc.assert(
      fc.property(paragraph, fc.integer({ min: 40, max: 72 }), (text, width) => {
        expect(cut(normalizeText(wrap(text, width)))).toEqual(cut(text));
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it("takes time in proportion to the length", () => {
    for (const unit of hostile) expect(findGrowth(unit, findSentences), JSON.stringify(unit)).toBeLessThan(10);
  });
});

/** Fills lines with as many words as fit. */
function wrap(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

describe("splitSentences", () => {
  const text = fc.string({
    unit: fc.constantFrom(
      "Word",
      "word",
      " ",
      "\n",
      "\n\n",
      ".",
      "?",
      "。",
      "\u3000",
      "Mr.",
      "J.",
      '"',
      "5",
      "é",
      "😀",
      "\u0000",
      "- ",
      "1. ",
      "\r\n",
    ),
  });

  it("cuts after the stop and puts white space before the next sentence", () => {
    expect(splitSentences('It rained. "Why?" asked Ann.\n\nNobody knew!  ')).toEqual([
      "It rained.",
      ' "Why?" asked Ann.',
      "\n\nNobody knew!  ",
    ]);
    expect(splitSentences("  One line of words\nand another。第三。")).toEqual(["  One line of words\nand another。", "第三。"]);
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
      { numRuns: 2000 },
    );
  });

  it("cuts long texts as it cuts their parts", () => {
    const parts = [3, 700, 5000, 10, 2040, 1, 9000].map((length, i) => `${i === 0 ? "" : " "}Sentence ${"w ".repeat(length)}end.`);
    expect(splitSentences(parts.join(""))).toEqual(parts);
    const many = Array.from({ length: 5000 }, (_, i) => `${i === 0 ? "" : " "}Number ${i} of many.`);
    expect(splitSentences(many.join(""))).toEqual(many);
  });
});
