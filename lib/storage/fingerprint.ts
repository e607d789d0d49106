import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { hashFile, writeFileAtomic } from "./files.js";

/** sha256 in hex of a file, or of a folder's files by name and content; hidden ones do not count. */
export async function hashPath(path: string): Promise<string> {
  if (!statSync(path).isDirectory()) return hashFile(path);
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((name) => !name.split("/").some((part) => part.startsWith(".")))
    .sort();
  return hashValue(await Promise.all(files.map(async (name) => [name, await hashFile(join(path, name))])));
}

/** sha256 in hex of a value as JSON. */
export function hashValue(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

const stampOf = (folder: string) => join(folder, ".fingerprint");

/** Whether `folder` is what was built from `inputs`, and is unchanged since. */
export async function isBuilt(folder: string, inputs: string): Promise<boolean> {
  const stamp = stampOf(folder);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === (await describeBuild(folder, inputs));
}

/** Remembers that `folder` was built from `inputs`. */
export async function markBuilt(folder: string, inputs: string): Promise<void> {
  writeFileAtomic(stampOf(folder), await describeBuild(folder, inputs));
}

/**
 * To be called before a build: what it leaves unfinished must not pass for the build before it.
 * @returns whether a build from the same inputs was started in `folder` last, and did not end
 */
export function markStarted(folder: string, inputs: string): boolean {
  const stamp = stampOf(folder);
  const started = `${JSON.stringify({ inputs })}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === started) return true;
  writeFileAtomic(stamp, started);
  return false;
}

async function describeBuild(folder: string, inputs: string): Promise<string> {
  return `${JSON.stringify({ inputs, outputs: await hashPath(folder) })}\n`;
}
