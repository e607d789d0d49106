import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../math/random.js";
import { updateAdamW } from "./adamw.js";
import { addTo, kernels, sumArrays } from "./vector.js";

const random = createRandom(0, 7);
const normals = (length: number) => Float32Array.from({ length }, () => random.normal());
/** Around the places where loops and copies could slip by one. */
const lengths = [1, 3, 4, 5, 31, kernels.capacity - 1, kernels.capacity, kernels.capacity + 1, 2 * kernels.capacity + 6];

describe.each(lengths)("%i elements", (length) => {
  it("addTo adds at its offset and nowhere else", () => {
    const [sums, values] = [normals(length + 5), normals(length)];
    const expected = sums.map((x, i) => (i >= 2 && i < length + 2 ? x + values[i - 2]! : x));
    addTo(sums, 2, values);
    expect(sums).toEqual(expected);
  });

  it("sumArrays adds in order and gives the sum of squares", () => {
    const arrays = [normals(length + 9), normals(length + 9), normals(length + 9)] as const;
    const out = new Float32Array(length);
    const squares = sumArrays(arrays, 4, 4 + length, out);
    expect(out).toEqual(out.map((_, i) => Math.fround(arrays[0][i + 4]! + arrays[1][i + 4]!) + arrays[2][i + 4]!));
    const exact = out.reduce((sum, x) => sum + x * x, 0);
    expect(Math.abs(squares - exact)).toBeLessThan(1e-12 * exact);
  });
});

it("updateAdamW follows the algorithm of Loshchilov & Hutter step by step, in float64", () => {
  const hyper = fc.record({
    beta1: fc.double({ min: 0, max: 0.99, noNaN: true }),
    beta2: fc.double({ min: 0.5, max: 0.9999, noNaN: true }),
    epsilon: fc.constantFrom(1e-8, 1e-6),
    weightDecay: fc.double({ min: 0, max: 0.5, noNaN: true }),
  });
  fc.assert(
    fc.property(hyper, fc.integer({ min: 1, max: 40 }), fc.double({ min: 0.1, max: 1, noNaN: true }), (adamw, length, scale) => {
      const [begin, rate] = [3, 0.01];
      const size = length + begin + 2;
      const state = { parameters: normals(size), firstMoments: new Float32Array(size), secondMoments: new Float32Array(size) };
      const untouched = state.parameters.slice();
      const [w, m, v] = [Array.from(state.parameters), Array(size).fill(0), Array(size).fill(0)] as [number[], number[], number[]];
      for (let step = 1; step <= 4; step++) {
        const gradients = normals(length);
        updateAdamW(state, gradients, scale, [begin, begin + length], adamw, rate, step);
        gradients.forEach((raw, j) => {
          const [g, i] = [raw * scale, j + begin];
          m[i] = adamw.beta1 * m[i]! + (1 - adamw.beta1) * g;
          v[i] = adamw.beta2 * v[i]! + (1 - adamw.beta2) * g * g;
          const [first, second] = [m[i]! / (1 - adamw.beta1 ** step), v[i]! / (1 - adamw.beta2 ** step)];
          w[i] = w[i]! - rate * adamw.weightDecay * w[i]! - (rate * first) / (Math.sqrt(second) + adamw.epsilon);
        });
      }
      state.parameters.forEach((x, i) => {
        if (i < begin || i >= begin + length) expect(x).toBe(untouched[i]);
        else expect(Math.abs(x - w[i]!)).toBeLessThan(1e-6 * (1 + Math.abs(w[i]!)));
      });
    }),
  );
});
