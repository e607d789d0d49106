import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  type Dirent,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fail } from "../errors/errors.js";
import { fileFailure } from "../errors/file-errors.js";

/**
 * Writes a file completely or not at all: to a temporary name, fsynced and renamed. Creates the folder.
 * @throws disk-full, not-writable, not-a-file, file-failed; the previous file is then unchanged
 */
export function writeFileAtomic(path: string, data: string | Uint8Array | readonly Uint8Array[]): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
  try {
    const made = mkdirSync(dirname(path), { recursive: true });
    const file = openSync(temporary, "w");
    try {
      for (const part of Array.isArray(data) ? data : [data]) writeWhole(file, typeof part === "string" ? Buffer.from(part) : part);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path), made);
  } catch (error) {
    if (existsSync(temporary)) rmSync(temporary, { force: true });
    failToWrite(path, error);
  }
}

/** Removes from a folder the temporary files of processes that were killed while they wrote. */
export function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) if (/^\..+\.[0-9a-f]{8}\.tmp$/.test(name)) rmSync(join(folder, name), { force: true });
}

/** A string that changes when a file does; the system's error code if the file cannot be read. */
export function stampFile(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** Makes renames in a folder survive a power cut. @param made the topmost new folder above it, to sync the folders in between too */
export function syncFolder(folder: string, made?: string): void {
  if (process.platform === "win32") return; // Windows cannot open folders, and its journal keeps renames in order
  syncFile(folder);
  if (made !== undefined && resolve(folder) !== dirname(resolve(made))) syncFolder(dirname(resolve(folder)), made);
}

/** Makes what was written to a file survive a power cut. */
export function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** @throws the error of the table for what node:fs threw: disk-full, not-writable, not-a-file, file-failed */
export function failToWrite(file: string, error: unknown): never {
  throw fileFailure(error, file, "write");
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.byteLength; )
    written += writeSync(file, bytes, written, Math.min(bytes.byteLength - written, 2 ** 30));
}

/**
 * The bytes of a regular file.
 * @param what and remedy what was expected, and what to do, if there is no such file
 * @param limit bytes of the largest file that is read
 * @throws no-file, not-a-file, not-readable, file-too-large, lfs-pointer, file-failed
 */
export function readFile(file: string, what: string, remedy: string, limit = Infinity): Buffer {
  const { size } = checkFile(file, what, remedy);
  if (size > limit) fail("file-too-large", { file, bytes: size, limit });
  const bytes = reading(file, () => readFileSync(file));
  checkPointer(file, bytes);
  return bytes;
}

/** The entries of a folder. @throws no-file, not-a-folder, not-readable, file-failed */
export function readFolder(folder: string, what: string, remedy: string): readonly Dirent[] {
  checkFolder(folder, what, remedy);
  return reading(folder, () => readdirSync(folder, { withFileTypes: true }));
}

/** Refuses anything but a regular file before it is opened, because reading a pipe or a device may never end. @throws no-file, not-a-file, not-readable */
export function checkFile(file: string, what: string, remedy: string): Stats {
  const found = findKind(file) ?? fail("no-file", { file, what, remedy });
  if (found !== "a file") fail("not-a-file", { file, found });
  reading(file, () => accessSync(file, constants.R_OK));
  return statSync(file);
}

/** @throws no-file, not-a-folder, not-readable */
export function checkFolder(folder: string, what: string, remedy: string): void {
  const found = findKind(folder) ?? fail("no-file", { file: folder, what, remedy });
  if (found !== "a folder") fail("not-a-folder", { folder, found, what, remedy });
  reading(folder, () => accessSync(folder, constants.R_OK | constants.X_OK));
}

/**
 * Refuses a place for a file or folder before the work whose result it is to hold.
 * @throws not-a-file, not-a-folder, not-writable, file-failed
 */
export function checkPlace(path: string, kind: "a file" | "a folder"): void {
  const found = findKind(path);
  if (found !== undefined && found !== kind) {
    if (kind === "a file") fail("not-a-file", { file: path, found });
    fail("not-a-folder", { folder: path, found, what: "a place for the results", remedy: "Choose another." });
  }
  let folder = kind === "a file" ? dirname(resolve(path)) : resolve(path);
  while (!existsSync(folder)) folder = dirname(folder); // they will be made
  try {
    if (!statSync(folder).isDirectory()) fail("file-failed", { file: path, action: "write", cause: `${folder} is not a folder` });
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    failToWrite(path, error);
  }
}

/** What is at a path; undefined if nothing is. @throws not-readable if that cannot be told */
export function findKind(path: string): "a file" | "a folder" | "a named pipe" | "a socket" | "a device" | undefined {
  try {
    const stats = statSync(path);
    if (stats.isFile()) return "a file";
    return stats.isDirectory() ? "a folder" : stats.isFIFO() ? "a named pipe" : stats.isSocket() ? "a socket" : "a device";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw fileFailure(error, path, "read");
  }
}

const pointer = Buffer.from("version https://git-lfs.github.com/spec/");

/** Git LFS leaves pointers in place of large files that were not fetched. @throws lfs-pointer */
export function checkPointer(file: string, start: Uint8Array): void {
  if (pointer.equals(start.subarray(0, pointer.length))) fail("lfs-pointer", { file });
}

/** Runs `read`. @throws errors of the table instead of those of node:fs */
export function reading<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw fileFailure(error, file, "read");
  }
}
