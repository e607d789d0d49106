import fc from "fast-check";
import { expect, it } from "vitest";
import { updateEma } from "./ema.js";

const averageOf = (values: readonly number[], decay: number) => {
  const average = new Float32Array(1);
  values.forEach((value, i) => {
    updateEma(average, Float32Array.of(value), [0, 1], decay, i + 1);
  });
  return average[0]!;
};

it("is the weighted mean of all steps, with weights that decay", () => {
  const values = fc.array(fc.float({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 0.999, noNaN: true }), (values, decay) => {
      const weights = values.map((_, i) => decay ** (values.length - 1 - i));
      const expected = values.reduce((sum, x, i) => sum + x * weights[i]!, 0) / weights.reduce((a, b) => a + b, 0);
      expect(averageOf(values, decay)).toBeCloseTo(expected, 4);
    }),
  );
});

it("equals the parameters after one step, bit for bit, and while they do not change", () => {
  expect(averageOf([0.1], 0.999)).toBe(Math.fround(0.1));
  expect(averageOf(new Array<number>(20).fill(0.1), 0.999)).toBe(Math.fround(0.1));
});

it("changes no elements outside its range", () => {
  const average = new Float32Array(4);
  updateEma(average, Float32Array.of(1, 2, 3, 4), [1, 3], 0.9, 1);
  expect([...average]).toEqual([0, 2, 3, 0]);
});
