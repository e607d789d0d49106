import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fail, reason } from "../../lib/errors/errors.js";
import { listVersions } from "../../lib/repository/repository.js";
import { writeFileAtomic } from "../../lib/storage/files.js";

/** What was tried, beside the version it led to: for programs and for people; servers pass them over. */
export const reportFiles = { json: "optimization.json", html: "optimization.html" } as const;

const reportNames: readonly string[] = Object.values(reportFiles);

const stagingPrefix = ".staging-";

/**
 * An empty folder in a model's folder, for a version that is not complete yet; servers pass it over, as its name is no number.
 * What a killed run left is removed.
 * @throws file-failed
 */
export function openStaging(repository: string, model: string): string {
  const folder = join(repository, model);
  const staging = join(folder, `${stagingPrefix}${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.startsWith(stagingPrefix)) rmSync(join(folder, name), { recursive: true });
    mkdirSync(staging);
  } catch (error) {
    fail("file-failed", { file: staging, action: "write", cause: reason(error) }, error);
  }
  return staging;
}

export interface Published {
  readonly version: number;
  readonly folder: string;
  /** Whether the newest version was the same already; it then only gets the new reports. */
  readonly unchanged: boolean;
}

/** What belongs to a model, beside its versions. */
export interface ModelFiles {
  /** config.pbtxt */
  readonly config: string;
  /** Of the folder warmup/, by name. */
  readonly warmUps: ReadonlyMap<string, Uint8Array>;
}

/** Makes a complete staging folder the newest version: whole at once to whoever watches. Versions before the newest `keep` are removed. */
export function publishVersion(repository: string, model: string, staging: string, files: ModelFiles, keep: number): Published {
  const place = join(repository, model);
  const newest = listVersions(repository, model).at(-1);
  const unchanged = newest !== undefined && sameFiles(staging, join(place, String(newest)));
  const version = unchanged ? newest : (newest ?? 0) + 1;
  const folder = join(place, String(version));
  for (const [name, bytes] of files.warmUps) writeChanged(join(place, "warmup", name), bytes);
  if (unchanged) for (const name of reportNames) writeChanged(join(folder, name), readFileSync(join(staging, name)));
  else renameSync(staging, folder);
  writeChanged(join(place, "config.pbtxt"), Buffer.from(files.config));
  for (const old of listVersions(repository, model).slice(0, -keep)) rmSync(join(place, String(old)), { recursive: true });
  return { version, folder, unchanged };
}

/** A server that watches the model reads it again where a file is new. */
function writeChanged(file: string, bytes: Uint8Array): void {
  if (!existsSync(file) || !readFileSync(file).equals(bytes)) writeFileAtomic(file, bytes);
}

function sameFiles(a: string, b: string): boolean {
  const list = (folder: string) =>
    readdirSync(folder)
      .filter((name) => !reportNames.includes(name))
      .sort();
  const names = list(a);
  return names.join() === list(b).join() && names.every((name) => readFileSync(join(a, name)).equals(readFileSync(join(b, name))));
}
