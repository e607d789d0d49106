import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openCache } from "./cache.js";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "readability-cache-"));
  file = join(folder, "cache.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

const never = () => Promise.reject(new Error("measured"));
const scores = { rows: [1, Math.fround(0.1), -2.5e-8], references: [2] };
const throughputs = [{ precision: "int8", sessions: 2, threads: 1, texts_per_second: [40.5, 41] }];
const keep = () => openCache(file, "a", false).recall("scores", "int8", async () => scores);

it("gives back what was measured, to the last bit, under its kind and name alone", async () => {
  expect(await keep()).toEqual(scores);
  const again = openCache(file, "a", false);
  expect([again.known, openCache(file, "b", false).known]).toEqual([true, false]);
  expect(await again.recall("scores", "int8", never)).toEqual(scores);
  await expect(again.recall("scores", "fp32", never)).rejects.toThrow("measured");
  await expect(again.recall("peak", "int8", never)).rejects.toThrow("measured");
});

it("keeps every kind of measurement", async () => {
  const first = openCache(file, "a", false);
  await first.recall("saturating", "int8", async () => false);
  await first.recall("peak", "fp32", async () => 12.5);
  await first.recall("throughputs", "int8 2 x 1", async () => throughputs);
  const second = openCache(file, "a", false);
  expect(await second.recall("saturating", "int8", never)).toBe(false);
  expect(await second.recall("peak", "fp32", never)).toBe(12.5);
  expect(await second.recall("throughputs", "int8 2 x 1", never)).toEqual(throughputs);
});

it("keeps what was measured before a failure", async () => {
  const cache = openCache(file, "a", false);
  await cache.recall("scores", "int8", async () => scores);
  await expect(cache.recall("peak", "fp32", never)).rejects.toThrow("measured");
  expect(await openCache(file, "a", false).recall("scores", "int8", never)).toEqual(scores);
});

const format1 = '{"key":"a","measured":{"saturating":[[0]],"scores in int8":[[1,2]]}}';
it.each<[string, string, boolean, ((text: string) => string)?]>([
  ["another key", "b", false],
  ["fresh measurements", "a", true],
  ["a damaged file", "a", false, (text) => text.slice(0, -9)],
  ["a file of something else", "a", false, () => "[7]"],
  ["a cache of the format before", "a", false, () => format1],
  ["a cache of a later format", "a", false, (text) => text.replace('"format":2', '"format":3')],
  ["scores that are none", "a", false, (text) => text.replace("0.10000000149011612", '"fast"')],
])("measures again with %s", async (_, key, fresh, damage) => {
  await keep();
  if (damage) {
    const damaged = damage(readFileSync(file, "utf8"));
    expect(damaged).not.toBe(readFileSync(file, "utf8"));
    writeFileSync(file, damaged);
  }
  const other = { rows: [7], references: [] };
  expect(await openCache(file, key, fresh).recall("scores", "int8", async () => other)).toEqual(other);
  expect(await openCache(file, key, false).recall("scores", "int8", never)).toEqual(other);
});
