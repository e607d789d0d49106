import fc from "fast-check";
import { expect, it } from "vitest";
import { createTimes } from "./histogram.js";

const percents = [0, 50, 66, 75, 80, 90, 95, 98, 99, 99.9, 99.99, 100];

it("percentiles lie between the least and the largest time, and rise", () => {
  const time = fc.oneof(fc.double({ min: 0, max: 1e4, noNaN: true }), fc.constantFrom(357.5, 0, 0.0004, 1e7));
  fc.assert(
    fc.property(fc.array(time, { minLength: 1 }), (given) => {
      const times = createTimes();
      for (const one of given) times.record(one);
      const found = percents.map(times.percentile);
      expect(found).toEqual([...found].sort((a, b) => a - b));
      expect(found[0]).toBeGreaterThanOrEqual(times.min);
      expect(found.at(-1)).toBeLessThanOrEqual(times.max);
      expect([times.count, times.min, times.max]).toEqual([given.length, Math.min(...given), Math.max(...given)]);
      expect(times.mean).toBeCloseTo(given.reduce((a, b) => a + b) / given.length, 6);
    }),
  );
});

it("the percentiles of one time are that time", () => {
  const times = createTimes();
  times.record(357.5);
  expect(percents.map(times.percentile)).toEqual(percents.map(() => 357.5));
});

it("are 0 of no times", () => {
  const times = createTimes();
  times.record(3);
  times.reset();
  expect([times.count, times.mean, times.min, times.max, times.percentile(50)]).toEqual([0, 0, 0, 0, 0]);
});
