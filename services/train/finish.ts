import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Log } from "../../lib/cli/log.js";
import { ReadabilityError } from "../../lib/errors/errors.js";
import { readRecord } from "../../lib/repository/training-record.js";
import { failToWrite, removeLeftovers, syncFolder, writeFileAtomic } from "../../lib/storage/files.js";
import { weightsFile } from "../../lib/storage/weights.js";
import { tokenizerFiles } from "../../lib/text/tokenizer.js";
import { readJson } from "./read-json.js";
import { describeDifferences, hasState, type Identity } from "./state.js";

/** Folders of a model that is being written, and of a complete model whose files are moving into place. */
const foldersOf = (out: string) => ({ partial: join(out, ".model-partial"), whole: join(out, ".model") });
/** In the complete one: the names of all its files, since they leave it one by one. */
const planFile = ".files.json";

/**
 * Replaces the model in `out` with the files that `write` puts into a folder. If the process is killed before that folder gets its final
 * name, the old model is unchanged; if it is killed later, the next start completes the replacement.
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
    completeReplacement(out);
  });
}

/** Cleans up after a killed run: deletes partial files and completes a replacement. @throws disk-full, not-writable, file-failed, bad-config */
export function tidyUp(out: string): void {
  namingFailures(out, () => {
    removeLeftovers(out);
    rmSync(foldersOf(out).partial, { recursive: true, force: true });
    completeReplacement(out);
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

function completeReplacement(out: string): void {
  const { whole } = foldersOf(out);
  const plan = join(whole, planFile);
  if (existsSync(plan)) {
    const files = readJson(plan, z.array(z.string()), `Delete ${whole} and train the model again.`);
    for (const file of files) if (existsSync(join(whole, file))) renameSync(join(whole, file), join(out, file));
    for (const file of tokenizerFiles) if (!files.includes(file)) rmSync(join(out, file), { force: true }); // left from the old tokenizer
    syncFolder(out);
  }
  rmSync(whole, { recursive: true, force: true });
}

/** Whether `out` holds the finished model of this run. If it holds another run's, the log says how that run differs. @param passed names that may differ */
export function isFinished(out: string, identity: Identity, steps: number, log: Log, passed: readonly string[] = []): boolean {
  const record = hasState(out) || !existsSync(join(out, weightsFile)) ? undefined : readRecord(out);
  if (record === undefined) return false;
  const differences = describeDifferences({ ...record.run, steps: record.steps }, { ...identity, steps }, passed);
  if (differences !== "") log.warn(`the model in ${out} is from a different run (${differences}); training replaces it at the end`);
  return differences === "";
}
