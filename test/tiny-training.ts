import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readCheckpoint } from "../lib/bert/checkpoint.js";
import { places } from "../lib/cli/paths.js";
import { readPassages } from "../lib/data/dataset.js";
import { readRecord } from "../lib/repository/training-record.js";
import { readSafetensorsHeader } from "../lib/storage/safetensors.js";
import { shipped } from "../lib/system/package-files.js";
import { type Finished, type Running, runCommand, startCommand } from "./commands.js";
import { writeWordPieceTokenizer } from "./tiny-tokenizers.js";

/** Trains the tiny model on the sample's passages with made-up targets, in a folder of its own; a run takes a second or two. */
export interface TinyTraining {
  readonly folder: string;
  readonly base: string;
  readonly data: string;
  /** A path in the folder. */
  path(...names: string[]): string;
  /** Starts what `run` runs. */
  start(out: string, more: readonly string[], env?: NodeJS.ProcessEnv): Running;
  /** `readability train` of an epoch of nine steps of eight passages, and `more`. */
  run(out: string, ...more: string[]): Promise<Finished>;
  /** Runs until `out`, or the named folder in it, holds the state of a step from `step` on; then kills it. @throws where it ends before */
  runUntil(step: number, out: string, more: readonly string[], stateIn?: string): Promise<void>;
  /** What a run leaves, for comparisons bit by bit. */
  read(out: string, file?: string): Buffer;
  weights(out: string): ReturnType<typeof readCheckpoint>["weights"];
  record(out: string): NonNullable<ReturnType<typeof readRecord>>;
  remove(): void;
}

/** After which step a state was saved; 0 where there is none, also in the moment in which a new one takes its place. */
export function stepOf(state: string): number {
  try {
    return Number(readSafetensorsHeader(state).metadata.step);
  } catch {
    return 0;
  }
}

export function createTinyTraining(): TinyTraining {
  const folder = mkdtempSync(join(tmpdir(), "readability-tiny-"));
  const path = (...names: string[]) => join(folder, ...names);
  const [base, data] = [path("base"), path("graded.csv")];
  cpSync(shipped("test/fixtures/tiny-bert"), base, { recursive: true });
  writeWordPieceTokenizer(base);
  const { passages } = readPassages(places.sample, { targets: false });
  const lines = passages.map(({ id, excerpt }, i) => {
    const target = -(i % 8) / 2 + (i % 5) / 10;
    const standardError = i % 11 === 0 ? 0 : 0.4 + (i % 7) / 20;
    return `${id},"${excerpt.replaceAll('"', '""')}",${target},${standardError}`;
  });
  writeFileSync(data, ["id,excerpt,target,standard_error", ...lines].join("\n"));
  const options = ["train", "--data", data, "--base", base, "--max-length", "32", "--batch", "8", "--epochs", "1", "--workers", "2"];
  return {
    folder,
    base,
    data,
    path,
    start: (out, more, env) => startCommand([...options, "--out", path(out), ...more], { folder, env }),
    run: (out, ...more) => runCommand([...options, "--out", path(out), ...more], { folder }),
    async runUntil(step, out, more, stateIn = ".") {
      const { child, finished, log } = startCommand([...options, "--out", path(out), "--checkpoint-every", "1", ...more], { folder });
      const state = path(out, stateIn, "training-state.safetensors");
      while (child.exitCode === null) {
        if (stepOf(state) >= step) break;
        await sleep(5);
      }
      if (child.exitCode !== null) throw new Error(`it ended before step ${step}: ${log()}`);
      child.kill("SIGKILL");
      await finished;
    },
    read: (out, file = "model.safetensors") => readFileSync(path(out, file)),
    weights: (out) => readCheckpoint(path(out)).weights,
    record: (out) => readRecord(path(out))!,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
