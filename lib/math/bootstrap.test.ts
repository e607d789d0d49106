import fc from "fast-check";
import { expect, it } from "vitest";
import { bootstrapMean } from "./bootstrap.js";
import { createRandom } from "./random.js";

it("lies within the values, around their mean, and depends on the seed alone", () => {
  const values = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(values, fc.nat(), (values, seed) => {
      const interval = bootstrapMean(values, seed, 0.95, 199);
      const { low, high } = interval;
      expect(low).toBeLessThanOrEqual(high);
      expect(low).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
      expect(high).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
      expect(bootstrapMean(values, seed, 0.95, 199)).toEqual(interval);
    }),
    { numRuns: 50 },
  );
});

it("is as wide as the standard error of the mean says", () => {
  const random = createRandom(3);
  const values = Array.from({ length: 400 }, () => random.normal());
  const mean = values.reduce((a, b) => a + b) / 400;
  const error = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 400 / 400);
  const { low, high } = bootstrapMean(values, 0);
  expect((low - mean) / error).toBeCloseTo(-1.96, 1);
  expect((high - mean) / error).toBeCloseTo(1.96, 1);
});

it("holds the true mean about as often as its level says", () => {
  const random = createRandom(5);
  const held = Array.from({ length: 400 }, (_, seed) => {
    const values = Array.from({ length: 100 }, () => random.uniform());
    const { low, high } = bootstrapMean(values, seed, 0.9, 199);
    return low <= 0.5 && 0.5 <= high;
  });
  expect(held.filter(Boolean).length / 400).toBeGreaterThan(0.85);
  expect(held.filter(Boolean).length / 400).toBeLessThan(0.95);
});

it("takes the order statistics of an enumerable case", () => {
  // Means of two draws from {0, 1}: 0, 1/2 and 1 with chances 1/4, 1/2 and 1/4.
  expect(bootstrapMean([0, 1], 1, 0.8)).toMatchObject({ low: 0, high: 1 });
  expect(bootstrapMean([0, 1], 1, 0.4)).toMatchObject({ low: 0.5, high: 0.5, resamples: 9999, level: 0.4 });
});
