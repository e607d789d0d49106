import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { listVersions } from "../../lib/repository/repository.js";
import { failToWrite, writeFileAtomic } from "../../lib/storage/files.js";

/** Reports of the search in the folder of the version, for programs and for people. Servers ignore them. */
export const reportFiles = { json: "optimization.json", html: "optimization.html" } as const;

const reportNames: readonly string[] = Object.values(reportFiles);

const stagingPrefix = ".staging-";

/**
 * Creates an empty folder in a model's folder for an incomplete version. Servers ignore it, because its name is not a number. Removes the
 * folders that killed runs left behind.
 * @throws disk-full, not-writable, file-failed
 */
export function openStaging(repository: string, model: string): string {
  const folder = join(repository, model);
  const staging = join(folder, `${stagingPrefix}${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.startsWith(stagingPrefix)) rmSync(join(folder, name), { recursive: true });
    mkdirSync(staging);
  } catch (error) {
    failToWrite(staging, error);
  }
  return staging;
}

interface Published {
  readonly version: number;
  readonly folder: string;
  /** Whether the newest version was already the same. It then gets only the new reports. */
  readonly unchanged: boolean;
}

/** The files of a model beside its versions. */
export interface ModelFiles {
  /** config.pbtxt */
  readonly config: string;
  /** The files of the folder warmup/, by name. */
  readonly warmUps: ReadonlyMap<string, Uint8Array>;
}

/**
 * Makes a complete staging folder the newest version, atomically for servers that poll. Keeps only the newest `keep` versions.
 * @throws disk-full, not-writable, file-failed
 */
export function publishVersion(repository: string, model: string, staging: string, files: ModelFiles, keep: number): Published {
  const place = join(repository, model);
  try {
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
  } catch (error) {
    return failToWrite(place, error);
  }
}

/** Does not rewrite a file with the same bytes, because a polling server would load the model again. */
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
