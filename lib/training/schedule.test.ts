import fc from "fast-check";
import { expect, it } from "vitest";
import { learningRateAt } from "./schedule.js";

it("rises in a straight line, reaches its peak, and falls to almost nothing", () => {
  const rates = Array.from({ length: 100 }, (_, i) => learningRateAt(i + 1, 100, 1, 0.1));
  expect(rates[0]).toBeCloseTo(0.1);
  expect(rates[9]).toBeCloseTo(1);
  expect(rates[54]).toBeCloseTo(46 / 90);
  expect(rates[99]).toBeCloseTo(1 / 90);
});

it("falls from the start without warm-up", () => {
  expect(learningRateAt(1, 10, 2, 0)).toBe(2);
  expect(learningRateAt(10, 10, 2, 0)).toBeCloseTo(0.2);
});

it("is above 0 and never above its peak", () => {
  const share = fc.double({ min: 0, max: 0.9, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }), share, (a, b, warmup) => {
      const rate = learningRateAt(Math.min(a, b), Math.max(a, b), 1, warmup);
      expect(rate).toBeGreaterThan(0);
      expect(rate).toBeLessThanOrEqual(1);
    }),
  );
});
