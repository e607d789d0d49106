import { expect, it } from "vitest";
import { findBins, scoreOfGrade, shareBelow } from "./scale.js";

const percentiles = Array.from({ length: 101 }, (_, i) => i / 10 - 5);

it("finds the share of labels below a score", () => {
  expect([-6, -5, 0, 2.55, 5, 6].map((score) => shareBelow(percentiles, score))).toEqual([0, 0, 0.5, expect.closeTo(0.755), 1, 1]);
  expect(shareBelow([0, 0, 0, 1], 0)).toBe(0.02); // of labels that are the same, all but the last
});

it("divides the labels into bins that hold all of them", () => {
  const bins = findBins(percentiles, 7);
  expect(bins.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  expect(bins.every(({ share }) => Math.abs(share - 1 / 7) < 0.001)).toBe(true);
});

it("finds the score of a grade within the table", () => {
  const grades = [
    { score: -2, grade: 12 },
    { score: 0, grade: 8 },
    { score: 1, grade: 8 },
    { score: 2, grade: 6 },
  ];
  expect([13, 12, 10, 7, 5].map((grade) => scoreOfGrade(grades, grade))).toEqual([undefined, -2, -1, 1.5, undefined]);
});
