import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../math/random.js";
import { findGrades, findPercentiles, gradeOf, percentileOf } from "./score-tables.js";

const numbers = fc.double({ min: -1e6, max: 1e6, noNaN: true });

describe("percentiles", () => {
  it("are 101 values from the least to the largest, that never fall", () => {
    fc.assert(
      fc.property(fc.array(numbers, { minLength: 1 }), (values) => {
        const table = findPercentiles(values);
        expect(table).toHaveLength(101);
        expect([table[0] === Math.min(...values), table[100] === Math.max(...values)]).toEqual([true, true]); // 0 is -0
        table.forEach((value, i) => {
          expect(value).toBeGreaterThanOrEqual((table[i - 1] ?? value) - 1e-9 * Math.abs(value));
        });
      }),
    );
  });

  it("tell for a score the share of values below it", () => {
    const table = findPercentiles(Array.from({ length: 1001 }, (_, i) => i / 100));
    expect([-1, 0, 2.5, 7.77, 10, 11].map((score) => percentileOf(table, score))).toEqual(
      [0, 0, 25, 77.7, 100, 100].map((x) => expect.closeTo(x, 6)),
    );
  });

  it("never fall as the score rises, even where all values are the same", () => {
    fc.assert(
      fc.property(fc.array(numbers, { minLength: 1 }), numbers, numbers, (values, a, b) => {
        const table = findPercentiles(values);
        const [low, high] = [percentileOf(table, Math.min(a, b)), percentileOf(table, Math.max(a, b))];
        expect(low).toBeLessThanOrEqual(high + 1e-6);
        for (const percent of [low, high]) expect(percent >= 0 && percent <= 100).toBe(true);
      }),
    );
  });
});

describe("grades", () => {
  const passages = (noise: number, count = 600, seed = 1) => {
    const random = createRandom(seed);
    return Array.from({ length: count }, () => {
      const score = random.normal();
      return { score, grade: 8 - 3 * score + noise * random.normal() };
    });
  };

  it("are medians near the score", () => {
    const grades = findGrades(passages(0.5))!;
    expect(grades).toHaveLength(20);
    for (const score of [-1, 0, 1]) expect(Math.abs(gradeOf(grades, score) - (8 - 3 * score))).toBeLessThan(0.4);
  });

  it("fall as the score rises, however noisy", () => {
    const anyPassages = fc.record({
      noise: fc.double({ min: 0, max: 6, noNaN: true }),
      count: fc.integer({ min: 100, max: 400 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(anyPassages, numbers, numbers, ({ noise, count, seed }, a, b) => {
        const grades = findGrades(passages(noise, count, seed));
        grades?.forEach(({ grade, score }, i) => {
          expect(grade).toBeLessThanOrEqual(grades[i - 1]?.grade ?? grade);
          expect(score).toBeGreaterThanOrEqual(grades[i - 1]?.score ?? score);
        });
        if (grades) expect(gradeOf(grades, Math.max(a, b))).toBeLessThanOrEqual(gradeOf(grades, Math.min(a, b)) + 1e-9);
      }),
    );
  });

  it("are none where score and grade hardly correlate, or there are few passages", () => {
    expect(findGrades(passages(30))).toBeUndefined();
    expect(findGrades(passages(0.5, 99))).toBeUndefined();
    expect(findGrades(passages(0.5).map(({ score, grade }) => ({ score: -score, grade })))).toBeUndefined();
  });
});
