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
const measured = [[1, Math.fround(0.1), -2.5e-8]];

it("gives back what was measured, to the last bit, under its name alone", async () => {
  expect(await openCache(file, "a", false).recall("speed", async () => measured)).toEqual(measured);
  const again = openCache(file, "a", false);
  expect([again.known, openCache(file, "b", false).known]).toEqual([true, false]);
  expect(await again.recall("speed", never)).toEqual(measured);
  await expect(again.recall("other", never)).rejects.toThrow("measured");
});

it("keeps what was measured before a failure", async () => {
  const cache = openCache(file, "a", false);
  await cache.recall("first", async () => measured);
  await expect(cache.recall("second", never)).rejects.toThrow("measured");
  expect(await openCache(file, "a", false).recall("first", never)).toEqual(measured);
});

it.each([
  ["another key", "b", false, undefined],
  ["fresh measurements", "a", true, undefined],
  ["a damaged file", "a", false, (text: string) => text.slice(0, -9)],
  ["a file of something else", "a", false, () => '{"key":"a","measured":{"speed":"fast"}}'],
])("measures again with %s", async (_, key, fresh, damage) => {
  await openCache(file, "a", false).recall("speed", async () => measured);
  if (damage) writeFileSync(file, damage(readFileSync(file, "utf8")));
  expect(await openCache(file, key, fresh).recall("speed", async () => [[7]])).toEqual([[7]]);
  expect(await openCache(file, key, false).recall("speed", never)).toEqual([[7]]);
});
