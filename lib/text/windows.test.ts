import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { writeByteLevelTokenizer, writeWordPieceTokenizer } from "../../test/tiny-tokenizers.js";
import { normalizeText } from "./normalize.js";
import { loadTokenizer, type Tokenizer } from "./tokenizer.js";
import { combineScores, readFirstWindow, splitWindows } from "./windows.js";

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

/** The text's tokens that each window holds, found by their place: the tokens of this text all differ. */
const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789"].join(" ");
const prefixOf = (tokens: number) => letters.slice(0, Math.max(0, 2 * tokens - 1));
const whole = tokenizers.wordpiece.encode(letters);
const placesOf = (tokens: number, maxLength: number) =>
  splitWindows(tokenizers.wordpiece, prefixOf(tokens), maxLength).ids.map((ids) =>
    body(tokenizers.wordpiece, ids).map((id) => whole.indexOf(id) - 1),
  );

describe("splitWindows", () => {
  it.each(["wordpiece", "bytelevel"] as const)("holds every token, in full windows of consecutive tokens (%s)", (name) => {
    const tokenizer = tokenizers[name];
    fc.assert(
      fc.property(text, fc.integer({ min: 3, max: 40 }), (text, maxLength) => {
        const encoded = tokenizer.encode(text);
        const { ids, weights } = splitWindows(tokenizer, text, maxLength);
        if (encoded.length <= maxLength) {
          expect(ids).toEqual([encoded]);
          return;
        }
        const tokens = body(tokenizer, encoded);
        const room = maxLength - 2;
        expect(ids).toHaveLength(Math.ceil(tokens.length / room));
        for (const window of ids) expect(window).toHaveLength(maxLength);
        const bodies = ids.map((window) => body(tokenizer, window));
        expect([...bodies.slice(0, -1).flat(), ...bodies.at(-1)!.slice(ids.length * room - tokens.length)]).toEqual(tokens);
        expect(weights.reduce((a, b) => a + b, 0)).toBe(tokens.length);
      }),
      { numRuns: 500 },
    );
  });

  it("lets every token count once: a window weighs as much as the tokens that no window before it holds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 36 }), fc.integer({ min: 3, max: 20 }), (tokens, maxLength) => {
        const { weights } = splitWindows(tokenizers.wordpiece, prefixOf(tokens), maxLength);
        const places = placesOf(tokens, maxLength);
        const before = (i: number) => new Set(places.slice(0, i).flat());
        expect(weights).toEqual(places.map((window, i) => window.filter((place) => !before(i).has(place)).length));
      }),
    );
  });

  it("changes by one token with one more token: the last window moves by one, or a new one is the last moved by one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 35 }), fc.integer({ min: 3, max: 20 }), (tokens, maxLength) => {
        const [before, after] = [placesOf(tokens, maxLength), placesOf(tokens + 1, maxLength)];
        const room = maxLength - 2;
        const kept = after.length > before.length ? before : before.slice(0, -1);
        const moved = before.at(-1)!.map((place) => place + 1);
        expect(after).toEqual(tokens < room ? [[...before[0]!, tokens]] : [...kept, moved]);
      }),
    );
  });

  const sizes = (text: string, maxLength: number) => splitWindows(tokenizers.wordpiece, text, maxLength).ids.map((ids) => ids.length - 2);

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

  it("weighs windows by the tokens that they add", () => {
    const scores = [0.1, 0.5, 0.9]; // of windows of 20 tokens: 0 to 20, 20 to 40 and 30 to 50
    const expected = Math.fround((20 * 0.1 + 20 * 0.5 + 10 * 0.9) / 50);
    expect(combine(sentence(50), 20 + 2, () => scores.shift()!)).toEqual({ score: expected, tokens: 50, windows: 3 });
  });
});

describe("readFirstWindow", () => {
  it.each(["wordpiece", "bytelevel"] as const)("is the first window of the normalized text (%s)", (name) => {
    fc.assert(
      fc.property(text, fc.integer({ min: 3, max: 40 }), (text, maxLength) => {
        const [first] = splitWindows(tokenizers[name], normalizeText(text), maxLength).ids;
        expect(readFirstWindow(tokenizers[name], text, maxLength)).toEqual(first);
      }),
    );
  });

  it("reads wrapped lines as their paragraph", () => {
    const lines = "The cat sat on the mat and it looked at the big dog for an\nhour or two, as cats do when they are not hun-\ngry at all.";
    const paragraph = "The cat sat on the mat and it looked at the big dog for an hour or two, as cats do when they are not hungry at all.";
    expect(readFirstWindow(tokenizers.bytelevel, lines, 256)).toEqual(tokenizers.bytelevel.encode(paragraph));
  });
});
