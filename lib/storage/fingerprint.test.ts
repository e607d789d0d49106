import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hashPath, isBuilt, markBuilt, markStarted } from "./fingerprint.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fingerprint-"));
  mkdirSync(join(folder, "a"));
  writeFileSync(join(folder, "a", "x"), "1");
  writeFileSync(join(folder, "b"), "2");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a folder's hash follows names and contents, not times or hidden files", async () => {
  const before = await hashPath(folder);
  writeFileSync(join(folder, "b"), "2");
  writeFileSync(join(folder, ".hidden"), "3");
  expect(await hashPath(folder)).toBe(before);
  writeFileSync(join(folder, "a", "x"), "12");
  const changed = await hashPath(folder);
  expect(changed).not.toBe(before);
  writeFileSync(join(folder, "a", "y"), "");
  expect(await hashPath(folder)).not.toBe(changed);
});

test("a build stands while inputs and outputs are the same", async () => {
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
