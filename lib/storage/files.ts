import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fail, reason } from "../errors/errors.js";

/**
 * Writes a file whole or not at all: aside, synced, renamed, the folder synced. Creates the folder.
 * @throws disk-full, not-writable, file-failed; the old file then still stands.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array | readonly Uint8Array[]): void {
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
  try {
    const made = mkdirSync(dirname(path), { recursive: true });
    const file = openSync(aside, "w");
    try {
      for (const part of Array.isArray(data) ? data : [data]) writeWhole(file, typeof part === "string" ? Buffer.from(part) : part);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(aside, path);
    syncFolder(dirname(path), made);
  } catch (error) {
    rmSync(aside, { force: true });
    failToWrite(path, error);
  }
}

/** Removes from a folder what a process left aside that was killed while it wrote. */
export function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) if (/^\..+\.[0-9a-f]{8}\.tmp$/.test(name)) rmSync(join(folder, name), { force: true });
}

/** Changes when a file does; the system's code where it cannot be read. */
export function stampFile(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** Makes renames in a folder outlast a power cut; with `made`, the first of the folders above it that is new, theirs too. */
export function syncFolder(folder: string, made?: string): void {
  if (process.platform === "win32") return; // it opens no folders, and its journal keeps renames in order
  syncFile(folder);
  if (made !== undefined && resolve(folder) !== dirname(resolve(made))) syncFolder(dirname(resolve(folder)), made);
}

/** Makes what was written to a file outlast a power cut. */
export function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** @throws disk-full, not-writable or file-failed, as the system's error tells */
export function failToWrite(file: string, error: unknown): never {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  if (code === "ENOSPC" || code === "EDQUOT") fail("disk-full", { file }, error);
  if (["EACCES", "EPERM", "EROFS"].includes(code)) fail("not-writable", { file, cause: reason(error) }, error);
  return fail("file-failed", { file, action: "write", cause: reason(error) }, error);
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.byteLength; )
    written += writeSync(file, bytes, written, Math.min(bytes.byteLength - written, 2 ** 30));
}

/** @throws no-file, naming `what` was expected there and the `remedy`; file-failed where it cannot be read. */
export function readFile(file: string, what: string, remedy: string): Buffer {
  if (!existsSync(file)) fail("no-file", { file, what, remedy });
  try {
    return readFileSync(file);
  } catch (error) {
    return fail("file-failed", { file, action: "read", cause: reason(error) }, error);
  }
}

/** sha256 in hex of a file, read in pieces. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  return hash.digest("hex");
}
