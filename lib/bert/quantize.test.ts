import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findSmoothing, quantizeColumns, scaleRows, transposeMatrix } from "./quantize.js";

/** Scales of columns below it would be denormal, and too coarse. */
const smallest = 1e-30;

const matrices = fc.record({ rows: fc.integer({ min: 1, max: 8 }), columns: fc.integer({ min: 1, max: 8 }) }).chain(({ rows, columns }) =>
  fc.record({
    rows: fc.constant(rows),
    columns: fc.constant(columns),
    data: fc.array(
      fc.float({ noNaN: true, min: -100, max: 100 }).map((x) => (Math.abs(x) < smallest ? 0 : x)),
      { minLength: rows * columns, maxLength: rows * columns },
    ),
  }),
);

describe("quantizeColumns", () => {
  it.each([127, 63])("is off by half a step of the column at most, with integers up to %i", (largest) => {
    fc.assert(
      fc.property(matrices, ({ rows, columns, data }) => {
        const { data: integers, scales } = quantizeColumns(Float32Array.from(data), rows, columns, largest);
        data.forEach((weight, i) => {
          const scale = scales[i % columns]!;
          expect(Math.abs(integers[i]!)).toBeLessThanOrEqual(largest);
          expect(Math.abs(integers[i]! * scale - weight)).toBeLessThanOrEqual(scale * 0.501);
        });
      }),
    );
  });

  it("uses the whole range in each column, and gives zeros the scale 1", () => {
    const { data, scales } = quantizeColumns(Float32Array.of(1, 0, -50, -2, 0, 100), 2, 3, 127);
    expect([...data]).toEqual([64, 0, -64, -127, 0, 127]);
    expect(scales[0]).toBeCloseTo(2 / 127, 8);
    expect(scales[1]).toBe(1);
  });
});

describe("transposeMatrix", () => {
  it("swaps rows and columns", () => {
    expect([...transposeMatrix(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3)]).toEqual([1, 4, 2, 5, 3, 6]);
  });
});

describe("findSmoothing", () => {
  it("divides outliers down to the ordinary channels, which it leaves", () => {
    const range = new Float32Array(100).fill(2);
    range[17] = 20;
    range[3] = 0.5;
    const factors = findSmoothing(range);
    expect(factors[17]).toBe(10);
    expect(factors.filter((factor) => factor === 1)).toHaveLength(99);
  });

  it("leaves channels that are always zero", () => {
    expect([...findSmoothing(new Float32Array(3))]).toEqual([1, 1, 1]);
  });
});

describe("scaleRows", () => {
  it("multiplies each row by its factor", () => {
    expect([...scaleRows(Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(1, 10))]).toEqual([1, 2, 3, 40, 50, 60]);
  });
});
