import { createHash } from "node:crypto";
import { createReadStream, readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileFailure } from "../errors/file-errors.js";
import { checkFile, reading } from "./files.js";

/** sha256 in hex of a regular file, read in pieces. @throws no-file, not-a-file, not-readable, file-failed */
export async function hashFile(path: string): Promise<string> {
  checkFile(path, "a file", "Check the path.");
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  } catch (error) {
    throw fileFailure(error, path, "read");
  }
  return hash.digest("hex");
}

/** sha256 in hex of a file, or of the names and contents of a folder's files. Hidden files do not count. */
export async function hashPath(path: string): Promise<string> {
  if (!reading(path, () => statSync(path)).isDirectory()) return hashFile(path);
  const files = reading(path, () => readdirSync(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.isFile()) // the hub's files are links
    .map((entry) => relative(path, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((name) => !name.split("/").some((part) => part.startsWith(".")))
    .sort();
  return hashValue(await Promise.all(files.map(async (name) => [name, await hashFile(join(path, name))])));
}

/** sha256 in hex of a value as JSON. */
export function hashValue(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
