import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isBuilt, markBuilt, markStarted } from "./build-stamp.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "build-stamp-"));
  mkdirSync(join(folder, "a"));
  writeFileSync(join(folder, "a", "x"), "1");
  writeFileSync(join(folder, "b"), "2");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a build is valid while inputs and outputs are the same", async () => {
  expect(await isBuilt(folder, "inputs")).toBe(false);
  await markBuilt(folder, "inputs");
  expect(await isBuilt(folder, "inputs")).toBe(true);
  expect(await isBuilt(folder, "others")).toBe(false);
  writeFileSync(join(folder, "b"), "overwritten by hand");
  expect(await isBuilt(folder, "inputs")).toBe(false);
  await markBuilt(folder, "inputs");
  markStarted(folder, "inputs");
  expect(await isBuilt(folder, "inputs")).toBe(false);
  expect(await isBuilt(join(folder, "none"), "inputs")).toBe(false);
});

test("a build that did not end is known by its inputs", async () => {
  expect(markStarted(folder, "inputs")).toBe(false);
  expect(markStarted(folder, "inputs")).toBe(true);
  expect(markStarted(folder, "others")).toBe(false);
  await markBuilt(folder, "others");
  expect(markStarted(folder, "others")).toBe(false);
});
