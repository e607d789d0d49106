import { existsSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fail } from "../../lib/errors.js";
import { writeFileAtomic } from "../../lib/files.js";
import type { OptimizerState } from "../../lib/optim/adamw.js";
import { producer } from "../../lib/producer.js";
import { encodeSafetensors, readSafetensors, readSafetensorsHeader } from "../../lib/safetensors.js";
import type { Settings } from "./options.js";
import type { EpochResult } from "./train.js";

const fileOf = (out: string) => join(out, "training-state.safetensors");
const tensors = ["parameters", "firstMoments", "secondMoments", "average", "best"] as const;

/** The arrays of a run, as far as its recipe has them. */
export interface TrainingState extends OptimizerState {
  /** Moving average of the parameters. */
  readonly average?: Float32Array | undefined;
  /** The parameters after the epoch with the best validation RMSE. */
  readonly best?: Float32Array | undefined;
}

/** What must be the same for a resumed run to go on as if it had never stopped. */
export type Identity = Readonly<Record<string, string | number>>;

const unrelated = new Set(["resume", "maxSteps", "checkpointEvery", "out", "arguments", "data", "base"]);

export function describeRun(settings: Settings, data: string, base: string, workers: number): Identity {
  const recipe = Object.fromEntries(Object.entries(settings).filter(([name]) => !unrelated.has(name)));
  return { ...recipe, data, base, workers, processor: cpus()[0]?.model ?? "unknown", version: producer.version } as Identity;
}

/** How far a run has come: steps taken, and what the epochs gave. */
export interface Position {
  readonly step: number;
  readonly epochs: EpochResult[];
}

/** Writes the state after a step, whole or not at all. */
export function saveState(out: string, state: TrainingState, { step, epochs }: Position, identity: Identity): void {
  const named = new Map(listArrays(state).map(([name, data]) => [name, { shape: [data.length], data }]));
  const metadata = { step: String(step), epochs: JSON.stringify(epochs), identity: JSON.stringify(identity) };
  writeFileAtomic(fileOf(out), encodeSafetensors(named, "F32", metadata));
}

/**
 * Loads the saved state, where there is one, and answers how far the run had come.
 * @throws other-run naming what differs from the run that saved it; bad-safetensors
 */
export function loadState(out: string, state: TrainingState, identity: Identity): Position | undefined {
  const file = fileOf(out);
  if (!existsSync(file)) return undefined;
  const { metadata } = readSafetensorsHeader(file);
  const saved = JSON.parse(metadata.identity ?? "{}") as Identity;
  const different = Object.keys({ ...saved, ...identity }).filter((name) => saved[name] !== identity[name]);
  if (different.length > 0) {
    fail("other-run", { file, differences: different.map((name) => `${name} was ${saved[name]}, is ${identity[name]}`).join("; ") });
  }
  const stored = readSafetensors(file);
  for (const [name, data] of listArrays(state)) data.set(stored.get(name)!.data);
  return { step: Number(metadata.step), epochs: JSON.parse(metadata.epochs!) as EpochResult[] };
}

function listArrays(state: TrainingState): [name: string, data: Float32Array][] {
  return tensors.flatMap((name) => (state[name] ? [[name, state[name]]] : []));
}

export function removeState(out: string): void {
  rmSync(fileOf(out), { force: true });
}
