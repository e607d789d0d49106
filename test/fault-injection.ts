import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const changes = ["openSync", "writeSync", "fsyncSync", "renameSync", "rmSync", "mkdirSync"] as const;

type Change = (...args: unknown[]) => unknown;

/**
 * Does `work` until its change number `last` (from 1) to the file system, as a process that is killed during that change: half the
 * bytes of a write arrive, and nothing follows, not even cleaning up.
 * @returns whether the work ended before
 */
export function workUntil(last: number, work: () => void): boolean {
  let done = 0;
  const die: Intercept = (name, change, args) => {
    if (++done < last) return change(...args);
    if (done === last) writeHalf(name, change, args);
    throw new Error("killed");
  };
  try {
    injectFaults(die, work);
  } catch (error) {
    if (done < last) throw error;
  }
  return done < last;
}

/** Does `work` on a disk whose write number `at` (from 1) fails with a code of the system, such as ENOSPC. */
export function workOnFullDisk(at: number, code: string, work: () => void): void {
  let done = 0;
  injectFaults((name, change, args) => {
    if (name !== "writeSync" || ++done !== at) return change(...args);
    writeHalf(name, change, args);
    throw Object.assign(new Error(`${code}: write`), { code });
  }, work);
}

type Intercept = (name: string, change: Change, args: unknown[]) => unknown;

function writeHalf(name: string, change: Change, [file, bytes, begin, count]: unknown[]): void {
  if (name === "writeSync") change(file, bytes, begin, Math.floor(Number(count) / 2));
}

function injectFaults(intercept: Intercept, work: () => void): void {
  const originals = changes.map((name) => [name, fs[name] as Change] as const);
  const put = (functions: readonly (readonly [string, Change])[]) => {
    Object.assign(fs, Object.fromEntries(functions));
    syncBuiltinESMExports();
  };
  put(originals.map(([name, change]) => [name, (...args) => intercept(name, change, args)]));
  try {
    work();
  } finally {
    put(originals);
  }
}
