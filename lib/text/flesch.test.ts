import { expect, it } from "vitest";
import { gradeLevel, readingEase } from "./flesch.js";

it("is Flesch's formula over words, sentences and syllables", () => {
  // 206.835 - 1.015 * (words / sentences) - 84.6 * (syllables / words)
  expect(readingEase("The cat sat on the mat.")).toBeCloseTo(206.835 - 1.015 * 6 - 84.6 * 1, 6);
  expect(readingEase("The cat sat. It was a happy animal!")).toBeCloseTo(206.835 - 1.015 * 4 - 84.6 * (11 / 8), 6);
});

it("is Kincaid's grade over the same", () => {
  // .39 * (words / sentences) + 11.8 * (syllables / words) - 15.59
  expect(gradeLevel("The cat sat. It was a happy animal!")).toBeCloseTo(0.39 * 4 + 11.8 * (11 / 8) - 15.59, 6);
});

it("has a value for any text", () => {
  for (const text of ["", "42", "…", "???", "日本語"]) expect([readingEase(text), gradeLevel(text)].every(Number.isFinite)).toBe(true);
});
