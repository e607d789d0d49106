import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail, reason } from "./errors.js";

/**
 * Writes a file whole or not at all: aside, synced, renamed. Creates the folder.
 * @throws file-failed, for example on a full disk; the old file then still stands.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array | readonly Uint8Array[]): void {
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
  try {
    mkdirSync(dirname(path), { recursive: true });
    const file = openSync(aside, "w");
    try {
      for (const part of Array.isArray(data) ? data : [data]) writeWhole(file, typeof part === "string" ? Buffer.from(part) : part);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    fail("file-failed", { file: path, action: "write", cause: reason(error) }, error);
  }
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
