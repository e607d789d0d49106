import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hashFile, hashPath } from "./hash.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hash-"));
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

// Links need special rights on Windows.
test.skipIf(process.platform === "win32")("a folder's hash follows the files that its links lead to", async () => {
  const linked = join(folder, "linked");
  mkdirSync(linked);
  symlinkSync(join("..", "b"), join(linked, "b"));
  symlinkSync(join("..", "nowhere"), join(linked, "dangling"));
  const before = await hashPath(linked);
  writeFileSync(join(folder, "b"), "3");
  expect(await hashPath(linked)).not.toBe(before);
});

test("a file's hash is its sha256", async () => {
  expect(await hashFile(join(folder, "b"))).toBe(createHash("sha256").update("2").digest("hex"));
  await expect(hashFile(join(folder, "none"))).rejects.toThrow(/none not found/);
  await expect(hashFile(folder)).rejects.toThrow(/is a folder, not a regular file/);
  await expect(hashPath(join(folder, "none"))).rejects.toMatchObject({ code: "file-failed" });
});
