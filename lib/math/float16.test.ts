import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBrain, fromHalf, toHalf } from "./float16.js";

/** The value of a binary16 by its definition (IEEE 754-2008, 3.4). */
function decode(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const all = Uint16Array.from({ length: 0x10000 }, (_, half) => half);
/** Every finite value that is not negative, ascending: binary16 sorts as its bits do. */
const positive = Float64Array.from({ length: 0x7c00 }, (_, half) => decode(half));
const float32 = fc.oneof(
  fc.float({ noNaN: true }),
  fc.integer({ min: 0, max: 0xffffffff }).map((bits) => new Float32Array(Uint32Array.of(bits).buffer)[0]!),
  fc.double({ min: -70000, max: 70000, noNaN: true }).map(Math.fround),
  fc.double({ min: -(2 ** -13), max: 2 ** -13, noNaN: true }).map(Math.fround),
);

function nearest(value: number): number {
  const size = Math.abs(value);
  const sign = Object.is(Math.sign(value), -0) || value < 0 ? 0x8000 : 0;
  if (size >= 65520) return sign | 0x7c00; // half way between the largest finite value and the next there would be
  let above = 0;
  for (let step = 0x4000; step > 0; step >>= 1) if (above + step < 0x7c00 && positive[above + step]! <= size) above += step;
  const [low, high] = [above, above + 1];
  const middle = (positive[low]! + (positive[high] ?? 65536)) / 2;
  return sign | (size < middle ? low : size > middle ? high : low % 2 === 0 ? low : high);
}

describe("binary16", () => {
  it("widens every value exactly", () => {
    const wide = fromHalf(all);
    for (const half of all) if (!Object.is(wide[half], decode(half))) expect(wide[half], half.toString(16)).toBe(decode(half));
  });

  it("narrows what it widened to the same bits, NaN payloads included", () => {
    expect(Buffer.from(toHalf(fromHalf(all)).buffer).equals(Buffer.from(all.buffer))).toBe(true);
  });

  it("rounds to the nearest value, ties to even", () => {
    fc.assert(
      fc.property(float32, (value) => {
        const half = toHalf(Float32Array.of(value))[0]!;
        if (Number.isNaN(value)) expect(decode(half)).toBeNaN();
        else expect(half).toBe(nearest(value));
      }),
      { numRuns: 20_000 },
    );
  });

  it("rounds ties and their neighbours right between every two values", () => {
    const step = new Uint32Array(1);
    const value = new Float32Array(step.buffer);
    for (let half = 0; half < 0x7c00; half++) {
      value[0] = (positive[half]! + (positive[half + 1] ?? 65536)) / 2;
      const even = half % 2 === 0 ? half : half + 1;
      expect(toHalf(value)[0]).toBe(even);
      step[0]!--;
      expect(toHalf(value)[0]).toBe(half);
      step[0]! += 2;
      expect(toHalf(value)[0]).toBe(half + 1);
    }
  });

  it("reads a view that starts within its buffer", () => {
    expect([...toHalf(new Float32Array(Float32Array.of(9, 1, -2).buffer, 4))]).toEqual([0x3c00, 0xc000]);
  });
});

it("widens bfloat16", () => {
  expect([...fromBrain(Uint16Array.of(0x3f80, 0xc000, 0x0001, 0x7f80))]).toEqual([1, -2, 2 ** -133, Infinity]);
});
