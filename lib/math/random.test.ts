import { describe, expect, it } from "vitest";
import { createRandom, xoshiro128 } from "./random.js";

const many = 100_000;
const draw = <T>(draw: () => T, count = many) => Array.from({ length: count }, draw);
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe("createRandom", () => {
  it("is xoshiro128** 1.1", () => {
    // First outputs of the reference implementation in C for the state 1, 2, 3, 4.
    expect(draw(xoshiro128([1, 2, 3, 4]), 10)).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it("depends only on the seed and on every number of the stream, in order", () => {
    const first = (...numbers: [number, ...number[]]) => createRandom(...numbers).uniform();
    expect(first(7, 1, 2)).toBe(first(7, 1, 2));
    const seeds: [number, ...number[]][] = [[0], [1], [0, 0], [0, 1], [1, 0], [0, 0, 0], [-1], [2 ** 32], [2 ** 32 + 1], [2 ** 53 - 1]];
    expect(new Set(seeds.map((numbers) => first(...numbers))).size).toBe(seeds.length);
    expect(() => createRandom(0.5)).toThrow(RangeError);
  });

  it("draws uniform numbers from [0, 1)", () => {
    const values = draw(createRandom(1).uniform);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(mean(values)).toBeCloseTo(1 / 2, 2);
    expect(mean(values.map((value) => value ** 2))).toBeCloseTo(1 / 3, 2);
  });

  it("draws normal numbers", () => {
    const values = draw(createRandom(2).normal);
    expect(Math.abs(mean(values))).toBeLessThan(0.02);
    expect(mean(values.map((value) => value ** 2))).toBeCloseTo(1, 1);
    expect(mean(values.map((value) => value ** 4))).toBeCloseTo(3, 0);
    expect(values.filter((value) => Math.abs(value) < 1).length / many).toBeCloseTo(0.6827, 2);
  });

  it("draws whole numbers evenly", () => {
    const random = createRandom(3);
    const counts = new Array<number>(7).fill(0);
    for (const value of draw(() => random.int(7))) counts[value]!++;
    for (const count of counts) expect(Math.abs(count - many / 7)).toBeLessThan(5 * Math.sqrt(many / 7));
    expect(random.int(1)).toBe(0);
  });

  it("shuffles in place, each order as likely as any other", () => {
    const random = createRandom(4);
    const orders = new Map<string, number>();
    for (let i = 0; i < many; i++) {
      const order = random.shuffle(["a", "b", "c", "d"]).join("");
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    for (const count of orders.values()) expect(Math.abs(count - many / 24)).toBeLessThan(5 * Math.sqrt(many / 24));
    const array = [1, 2, 3];
    expect(random.shuffle(array)).toBe(array);
  });
});
