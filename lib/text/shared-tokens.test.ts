import fc from "fast-check";
import { expect, it } from "vitest";
import { shareTokens } from "./shared-tokens.js";

const ids = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const share = (a: string, b: string, most?: number) => shareTokens(ids(a), ids(b), most);

it("counts the tokens that two texts share in order", () => {
  expect(share("abcdef", "abcdef")).toBe(1);
  expect(share("", "")).toBe(1);
  expect(share("abc", "xyz")).toBe(0);
  expect(share("abc", "")).toBe(0);
  expect(share("abcabba", "cbabac")).toBeCloseTo(8 / 13, 12); // of Myers 1986: 5 edits
  expect(share("the cat sat", "the cat")).toBeCloseTo(14 / 18, 12);
});

it("finds the longest common subsequence of any two texts", () => {
  const text = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      fc.pre(a.length + b.length > 0);
      expect(shareTokens(a, b)).toBeCloseTo((2 * countCommon(a, b)) / (a.length + b.length), 12);
    }),
  );
});

it("counts only the beginning and the end of texts that are too different", () => {
  expect(share("abcdefgh", "abXXXXgh", 3)).toBe(0.5);
  expect(share("abcdefgh", "abXXXXgh", 8)).toBe(0.5);
  const long = Array.from({ length: 20_000 }, (_, i) => i);
  expect(shareTokens(long, long.toReversed())).toBe(0);
});

/** The textbook's table of prefixes. */
function countCommon(a: readonly number[], b: readonly number[]): number {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++)
      table[i]![j] = a[i - 1] === b[j - 1] ? table[i - 1]![j - 1]! + 1 : Math.max(table[i - 1]![j]!, table[i]![j - 1]!);
  return table[a.length]![b.length]!;
}
