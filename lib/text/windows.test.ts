import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { writeByteLevelTokenizer, writeWordPieceTokenizer } from "../../test/tiny-tokenizers.js";
import { loadTokenizer, type Tokenizer } from "./tokenizer.js";
import { combineScores, splitWindows } from "./windows.js";

const folder = mkdtempSync(join(tmpdir(), "windows-"));
writeWordPieceTokenizer(join(folder, "wordpiece"));
writeByteLevelTokenizer(join(folder, "bytelevel"));
const tokenizers = { wordpiece: loadTokenizer(join(folder, "wordpiece")), bytelevel: loadTokenizer(join(folder, "bytelevel")) };
afterAll(() => rmSync(folder, { recursive: true }));

const body = ({ specials: { prefix, suffix } }: Tokenizer, ids: readonly number[]) => {
  expect(ids.slice(0, prefix.length)).toEqual(prefix);
  expect(ids.slice(ids.length - suffix.length)).toEqual(suffix);
  return ids.slice(prefix.length, ids.length - suffix.length);
};
const text = fc.string({
  unit: fc.constantFrom("The", "cat", "sat", " ", "\n\n", ".", "?", "。", "the ", "a ", "Mr. ", "😀", "漢"),
  maxLength: 120,
});
const sentence = (tokens: number) => ` ${"The ".repeat(tokens - 1)}.`; // of so many tokens

describe("splitWindows", () => {
  it.each(["wordpiece", "bytelevel"] as const)("puts every token in one window, none too long, none empty (%s)", (name) => {
    const tokenizer = tokenizers[name];
    fc.assert(
      fc.property(text, fc.integer({ min: 3, max: 40 }), (text, maxLength) => {
        const whole = tokenizer.encode(text);
        const { ids: windows } = splitWindows(tokenizer, text, maxLength);
        expect(windows.flatMap((ids) => body(tokenizer, ids))).toEqual(body(tokenizer, whole));
        for (const ids of windows) expect(ids.length).toBeLessThanOrEqual(maxLength);
        if (whole.length <= maxLength) expect(windows).toEqual([whole]);
        else for (const ids of windows) expect(ids.length).toBeGreaterThan(2);
      }),
      { numRuns: 500 },
    );
  });

  const sizes = (text: string, maxLength: number) => splitWindows(tokenizers.wordpiece, text, maxLength).ids.map((ids) => ids.length - 2);

  it("cuts at ends of sentences, in as few windows as can be, about equally full", () => {
    expect(sizes(sentence(4).repeat(13), 50 + 2)).toEqual([28, 24]); // 52 tokens: not 48 and 4
    expect(sizes(sentence(10).repeat(9), 25 + 2)).toEqual([20, 20, 20, 20, 10]);
    expect(sizes([30, 2, 2, 30, 5].map(sentence).join(""), 34 + 2)).toEqual([32, 32, 5]);
  });

  it("cuts a sentence that is too long between tokens, evenly", () => {
    expect(sizes(sentence(101), 50 + 2)).toEqual([33, 34, 34]);
    expect(sizes(sentence(5) + sentence(60) + sentence(5), 50 + 2)).toEqual([35, 35]);
  });

  it("leaves what fits alone, to the last token", () => {
    expect(sizes(sentence(25) + sentence(25), 50 + 2)).toEqual([50]);
    expect(sizes(" \n ", 8)).toEqual([0]);
    expect(sizes(" ".repeat(10_000), 8)).toEqual([0]);
  });

  it("refuses a length without room for text", () => {
    expect(() => sizes("cat", 2)).toThrow(/must be a whole number above/);
  });
});

describe("combineScores", () => {
  const combine = (text: string, maxLength: number, score: (ids: readonly number[]) => number) => {
    const windows = splitWindows(tokenizers.wordpiece, text, maxLength);
    return combineScores(windows, windows.ids.map(score));
  };

  it("gives a text that fits its score unchanged", () => {
    const score = () => 0.1; // no float32: shows that nothing is done to it
    expect(combine("The cat sat.", 50, score)).toEqual({ score: 0.1, tokens: 4, windows: 1 });
    expect(combine("", 50, score)).toEqual({ score: 0.1, tokens: 0, windows: 1 });
  });

  it("weighs windows by their tokens, without the special ones", () => {
    const text = [30, 5, 20].map(sentence).join("");
    const expected = Math.fround((30 * Math.fround(0.032) + 25 * Math.fround(0.027)) / 55);
    const score = (ids: readonly number[]) => Math.fround(ids.length / 1000);
    expect(combine(text, 35 + 2, score)).toEqual({ score: expected, tokens: 55, windows: 2 });
  });
});
