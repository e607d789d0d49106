import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCheckpoint } from "../lib/bert/checkpoint.js";
import { places } from "../lib/cli/paths.js";
import { readPassages } from "../lib/data/dataset.js";
import { readRecord } from "../lib/repository/training-record.js";
import { readSafetensorsHeader } from "../lib/storage/safetensors.js";
import { shipped } from "../lib/system/package-files.js";
import { type Finished, type Running, runCommand, startCommand } from "./commands.js";
import { signalAt } from "./kill-at.js";
import { writeWordPieceTokenizer } from "./tiny-tokenizers.js";

/** Trains the tiny model on the sample's passages with made-up targets, in a folder of its own. A run takes a second or two. */
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
  /** Kills a run with SIGKILL right after it has saved its state `saves` times, to `out` or to a folder in it. It saves after each step. */
  runUntil(saves: number, out: string, more: readonly string[], stateIn?: string): Promise<void>;
  /** A file that a run wrote, for comparisons bit by bit. */
  read(out: string, file?: string): Buffer;
  weights(out: string): ReturnType<typeof readCheckpoint>["weights"];
  record(out: string): NonNullable<ReturnType<typeof readRecord>>;
  remove(): void;
}

/** The step after which a state was saved; 0 if there is none, as in the moment in which it is replaced. */
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
    async runUntil(saves, out, more, stateIn = ".") {
      const env = signalAt({ renamedTo: path(out, stateIn, "training-state.safetensors"), times: saves });
      const argv = [...options, "--out", path(out), ...more, "--checkpoint-every", "1"];
      const { code, stderr } = await runCommand(argv, { folder, env });
      if (code !== null) throw new Error(`it ended with ${code} before save ${saves}: ${stderr}`);
    },
    read: (out, file = "model.safetensors") => readFileSync(path(out, file)),
    weights: (out) => readCheckpoint(path(out)).weights,
    record: (out) => readRecord(path(out))!,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
