import fc from "fast-check";
import { expect, it } from "vitest";
import type { Passage } from "../../lib/data/dataset.js";
import { weighPassages } from "./weighting.js";

const weigh = (...errors: (number | undefined)[]) =>
  weighPassages(
    errors.map((standardError, i): Passage => ({ id: `${i}`, excerpt: "Text", target: 0, standardError, row: i + 2 })),
    "graded.csv",
  );

it("weighs by 1 / (se^2 + median se^2), normalised", () => {
  const expected = [0.4, 0.5, 0.5, 0.6, 0.5].map((se) => 1 / (se ** 2 + 0.25));
  const mean = expected.reduce((a, b) => a + b) / 5;
  weigh(0.4, 0, undefined, 0.6, 0.5).forEach((weight, i) => {
    expect(weight).toBeCloseTo(expected[i]! / mean, 12);
  });
});

it("has mean 1, falls with the standard error, and lets no passage dominate", () => {
  const error = fc.oneof(fc.constant(undefined), fc.constant(0), fc.double({ min: 1e-3, max: 10, noNaN: true }));
  fc.assert(
    fc.property(fc.array(error, { minLength: 1, maxLength: 100 }), fc.double({ min: 0.1, max: 1, noNaN: true }), (errors, one) => {
      const all = [...errors, one];
      const weights = weigh(...all);
      expect(weights.reduce((a, b) => a + b) / weights.length).toBeCloseTo(1, 9);
      const known = all.filter((e): e is number => !!e).sort((a, b) => a - b);
      const middle = weights[all.indexOf(known[known.length >> 1])]!;
      weights.forEach((weight, i) => {
        expect(weight).toBeLessThanOrEqual(2 * middle * (1 + 1e-9));
        if (!all[i]) expect(weight).toBe(middle);
        all.forEach((other, j) => {
          if (all[i] && other && all[i]! < other) expect(weight).toBeGreaterThanOrEqual(weights[j]!);
        });
      });
    }),
  );
});

it("refuses what gives no weights", () => {
  expect(() => weigh(0, undefined)).toThrow(
    "graded.csv has no standard errors above 0, which --weighting inverse-variance needs. Add the column standard_error, or leave out --weighting.",
  );
  expect(() => weigh(0.5, -0.1)).toThrow('graded.csv, row 3, column "standard_error": -0.1 is below 0. Enter 0 or leave it empty');
});
