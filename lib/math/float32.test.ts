import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatFloat32 } from "./float32.js";

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

describe("formatFloat32", () => {
  it("reads back as the same float32, through JSON too", () => {
    fc.assert(
      fc.property(finite, (x) => {
        expect(Math.fround(Number(formatFloat32(x)))).toBe(x);
        expect(Math.fround(JSON.parse(formatFloat32(x)) as number)).toBe(x);
      }),
      { numRuns: 5000 },
    );
  });

  it("has no more digits than it needs", () => {
    const digits = (text: string) =>
      text
        .replace(/e.*/, "")
        .replace(/[-.]/g, "")
        .replace(/^0+|0+$/g, "").length;
    fc.assert(
      fc.property(finite, (x) => {
        const needed = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((count) => Math.fround(Number(x.toPrecision(count))) === x)!;
        expect(digits(formatFloat32(x))).toBeLessThanOrEqual(needed);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [Math.fround(0.1), "0.1"],
    [Math.fround(-0.0688), "-0.0688"],
    [16777216, "16777216"],
    [2 ** -149, "1e-45"],
    [3.4028234663852886e38, "3.4028235e+38"],
  ])("writes %d as %s", (x, text) => expect(formatFloat32(x)).toBe(text));

  it("refuses what JSON or float32 cannot hold", () => {
    for (const x of [Number.NaN, Infinity, -Infinity, 0.1]) expect(() => formatFloat32(x)).toThrow(RangeError);
  });
});
