import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../lib/cli/log.js";
import { ReadabilityError } from "../../lib/errors/errors.js";
import { readRecord } from "../../lib/repository/training-record.js";
import { failToWrite, removeLeftovers, syncFolder, writeFileAtomic } from "../../lib/storage/files.js";
import { weightsFile } from "../../lib/storage/weights.js";
import { tokenizerFiles } from "../../lib/text/tokenizer.js";
import { describeDifferences, hasState, type Identity } from "./state.js";

/** A model that is being written, and one that is written whole and takes the place of the one before it file by file. */
const foldersOf = (out: string) => ({ partial: join(out, ".model-partial"), whole: join(out, ".model") });
/** In the whole one, the names of its files, as they leave it one by one. */
const planFile = ".files.json";

/**
 * Replaces the model in `out` by what `write` puts into a folder beside it. Killed before that folder gets its final name, the old
 * model stands; killed after, the next start ends the replacement.
 */
export function replaceModel(out: string, write: (folder: string) => void): void {
  const { partial, whole } = foldersOf(out);
  namingFailures(out, () => {
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    write(partial);
    const files = readdirSync(partial);
    writeFileAtomic(join(partial, planFile), JSON.stringify(files));
    renameSync(partial, whole);
    syncFolder(out);
    endReplacement(out);
  });
}

/** Puts in order what a killed run left in `out`. @throws disk-full, not-writable, file-failed */
export function tidyUp(out: string): void {
  namingFailures(out, () => {
    removeLeftovers(out);
    rmSync(foldersOf(out).partial, { recursive: true, force: true });
    endReplacement(out);
  });
}

function namingFailures(out: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof ReadabilityError) throw error;
    failToWrite(out, error);
  }
}

function endReplacement(out: string): void {
  const { whole } = foldersOf(out);
  if (existsSync(join(whole, planFile))) {
    const files = JSON.parse(readFileSync(join(whole, planFile), "utf8")) as string[];
    for (const file of files) if (existsSync(join(whole, file))) renameSync(join(whole, file), join(out, file));
    for (const file of tokenizerFiles) if (!files.includes(file)) rmSync(join(out, file), { force: true }); // of another tokenizer
    syncFolder(out);
  }
  rmSync(whole, { recursive: true, force: true });
}

/** Whether `out` holds the finished model of this very run; that of another one is named in the log. */
export function isFinished(out: string, identity: Identity, steps: number, log: Log): boolean {
  const record = hasState(out) || !existsSync(join(out, weightsFile)) ? undefined : readRecord(out);
  if (record === undefined) return false;
  const differences = describeDifferences({ ...record.run, steps: record.steps }, { ...identity, steps });
  if (differences !== "") log.warn(`the model in ${out} is from a different run (${differences}); training replaces it at the end`);
  return differences === "";
}
