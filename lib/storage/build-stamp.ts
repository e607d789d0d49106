import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { reading, writeFileAtomic } from "./files.js";
import { hashPath } from "./hash.js";

/** The file that records what a folder was built from. */
const stampOf = (folder: string) => join(folder, ".fingerprint");

const readStamp = (file: string) => (existsSync(file) ? reading(file, () => readFileSync(file, "utf8")) : undefined);

/** Whether `folder` was built from `inputs` and is unchanged since. */
export async function isBuilt(folder: string, inputs: string): Promise<boolean> {
  const stamp = readStamp(stampOf(folder));
  return stamp !== undefined && stamp === (await describeBuild(folder, inputs));
}

/** Records that `folder` was built from `inputs`. */
export async function markBuilt(folder: string, inputs: string): Promise<void> {
  writeFileAtomic(stampOf(folder), await describeBuild(folder, inputs));
}

/**
 * Records that a build of `folder` starts, so that its unfinished output does not count as the previous build.
 * @returns whether the last build of `folder` had the same inputs and did not finish
 */
export function markStarted(folder: string, inputs: string): boolean {
  const stamp = stampOf(folder);
  const started = `${JSON.stringify({ inputs })}\n`;
  if (readStamp(stamp) === started) return true;
  writeFileAtomic(stamp, started);
  return false;
}

async function describeBuild(folder: string, inputs: string): Promise<string> {
  return `${JSON.stringify({ inputs, outputs: await hashPath(folder) })}\n`;
}
