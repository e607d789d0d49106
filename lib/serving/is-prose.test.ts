import { expect, it } from "vitest";
import { isProse, keepMeant } from "./is-prose.js";

const result = { interval: { low: -1, high: 1, coverage: 0.9 }, percentile: 50, grade: { low: 5, high: 7, basis: "" } };

it.each([
  ["prose", [], true],
  ["a short list", ["too-short", "list"], true],
  ["German", ["not-english"], false],
  ["short code", ["too-short", "code"], false],
] as const)("keeps what the tables say about %s, or not", (_, codes, kept) => {
  const warnings = codes.map((code) => ({ code }));
  expect(isProse(warnings)).toBe(kept);
  const nothing = { interval: null, percentile: null, grade: null };
  expect(keepMeant({ ...result, warnings })).toEqual({ ...(kept ? result : nothing), warnings });
});
