import fc from "fast-check";
import { expect, it } from "vitest";
import { correlate, cutEvenly, fitLine, rank } from "./statistics.js";

it("a line of least squares: Anscombe's first quartet", () => {
  const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
  const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
  const line = fitLine(x, y);
  expect(line(0)).toBeCloseTo(3.0001, 4);
  expect(line(1) - line(0)).toBeCloseTo(0.5001, 4);
  expect(correlate(x, y)).toBeCloseTo(0.8164, 4);
  expect(correlate(rank(x), rank(y))).toBeCloseTo(0.8182, 4); // Spearman's
  expect(fitLine([2, 2], [1, 3])(9)).toBe(2);
});

it("ranks share their mean where values are equal", () => {
  expect(rank([3, 1, 3, 2])).toEqual([2.5, 0, 2.5, 1]);
});

it("groups hold every value once, in order, and differ by one at most", () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.integer({ min: 1, max: 12 }), (values, count) => {
      const groups = cutEvenly(values, count);
      expect(groups.flat()).toEqual(values);
      const sizes = groups.map((group) => group.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(Math.min(...sizes)).toBeGreaterThan(0);
    }),
  );
});
