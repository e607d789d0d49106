import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Log } from "../../lib/cli/log.js";
import { fail, reason } from "../../lib/errors/errors.js";
import { failToWrite, syncFolder, writeFileAtomic } from "../../lib/storage/files.js";
import { encodeSafetensors, readSafetensors, readSafetensorsHeader } from "../../lib/storage/safetensors.js";
import { producer } from "../../lib/system/producer.js";
import type { OptimizerState } from "../../lib/training/adamw.js";
import type { History } from "./metrics.js";
import type { Settings } from "./options.js";

/** The saved states, newest first; the first is one that a kill kept from taking the second's place. */
const filesOf = (out: string) => ({
  next: join(out, ".training-state-next.safetensors"),
  current: join(out, "training-state.safetensors"),
  previous: join(out, "training-state-previous.safetensors"),
  diverged: join(out, ".diverged.json"),
});
const statesOf = (out: string) => {
  const { next, current, previous } = filesOf(out);
  return [next, current, previous].filter((file) => existsSync(file));
};

/** What must be the same for a resumed run to go on as if it had never stopped. */
export type Identity = Readonly<Record<string, string | number>>;

/** The arrays of a run, as far as its recipe has them. */
export interface TrainingState extends OptimizerState {
  /** Moving average of the parameters. */
  readonly average?: Float32Array | undefined;
  /** The parameters after the epoch with the best validation RMSE. */
  readonly best?: Float32Array | undefined;
}

const arrays = ["parameters", "firstMoments", "secondMoments", "average", "best"] as const;
type Arrays = Readonly<Record<string, Float32Array>>;
const arraysOf = (state: TrainingState): Arrays => Object.fromEntries(arrays.flatMap((name) => (state[name] ? [[name, state[name]]] : [])));

export interface Saved {
  /** Steps taken before it was saved. */
  readonly step: number;
  readonly history: History;
}

const unrelated = new Set(["resume", "maxSteps", "checkpointEvery", "out", "arguments", "data", "base", "average"]);

export function describeRun(settings: Settings, data: string, base: string, workers: number): Identity {
  const recipe = Object.fromEntries(Object.entries(settings).filter(([name]) => !unrelated.has(name)));
  return { ...recipe, data, base, workers, processor: cpus()[0]?.model ?? "unknown", version: producer.version } as Identity;
}

type Values = Readonly<Record<string, unknown>>;

/** "epochs was 200, is 2; lr was 0.0001, is 0.5"; "" where two runs are the same. */
export function describeDifferences(before: Values, now: Values, passed: readonly string[] = []): string {
  const different = Object.keys({ ...before, ...now }).filter((name) => before[name] !== now[name] && !passed.includes(name));
  return different.map((name) => `${name} was ${before[name]}, is ${now[name]}`).join("; ");
}

/** @throws other-run naming what differs */
export function checkIdentity(file: string, before: Identity, now: Identity, passed: readonly string[] = []): void {
  const differences = describeDifferences(before, now, passed);
  if (differences !== "") fail("other-run", { file, differences });
}

/** Whether `out` holds saved states. */
export const hasState = (out: string): boolean => statesOf(out).length > 0;

/** Writes the state after a step, whole or not at all; the one before it is kept. @throws as writeFileAtomic */
export function saveState(out: string, state: TrainingState, { step, history }: Saved, identity: Identity): void {
  const { next, current, previous, diverged } = filesOf(out);
  const texts = { step: String(step), identity: JSON.stringify(identity), history: JSON.stringify(history) };
  const tensors = arraysOf(state);
  const named = new Map(Object.entries(tensors).map(([name, data]) => [name, { shape: [data.length], data }]));
  writeFileAtomic(next, encodeSafetensors(named, "F32", { ...texts, crc32: checksum(texts, tensors) }));
  try {
    if (existsSync(current)) renameSync(current, previous);
    renameSync(next, current);
    rmSync(diverged, { force: true });
    syncFolder(out);
  } catch (error) {
    failToWrite(current, error);
  }
}

/**
 * Loads the newest good saved state into `state`, where there is one; damaged ones are named in the log.
 * @throws other-run naming what differs from the run that saved it; diverged-before; no-usable-state
 */
export function loadState(out: string, state: TrainingState, identity: Identity, log: Log): Saved | undefined {
  const problems: string[] = [];
  for (const file of statesOf(out)) {
    const stored = readState(file);
    if (typeof stored === "string") {
      problems.push(stored);
      continue;
    }
    checkRun(out, file, stored, identity, log);
    for (const [name, data] of Object.entries(arraysOf(state))) data.set(stored.arrays[name]!);
    for (const problem of problems) log.warn(`${problem} Continuing from the previous state, ${file}.`);
    return stored.saved;
  }
  return problems.length === 0 ? undefined : fail("no-usable-state", { out, problems: problems.join(" ") });
}

interface Stored {
  readonly saved: Saved;
  readonly identity: Identity;
  readonly arrays: Arrays;
}

/** The state in a file, or what is wrong with it. */
function readState(file: string): Stored | string {
  try {
    const { crc32, format, ...texts } = readSafetensorsHeader(file).metadata;
    const arrays = Object.fromEntries([...readSafetensors(file)].map(([name, { data }]) => [name, data]));
    if (checksum(texts, arrays) !== crc32) return `${file} is damaged: its checksum does not match its content.`;
    const { step, identity, history } = texts as Texts;
    return { saved: { step: Number(step), history: JSON.parse(history) as History }, identity: JSON.parse(identity) as Identity, arrays };
  } catch (error) {
    return reason(error);
  }
}

type Texts = Readonly<Record<"step" | "identity" | "history", string>>;

/** CRC-32 of texts and arrays in the order of their names. */
function checksum(texts: Readonly<Record<string, string>>, arrays: Arrays): string {
  const byName = <T>(record: Readonly<Record<string, T>>) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  const sum = byName(arrays).reduce(
    (sum, [, { buffer, byteOffset, byteLength }]) => {
      return crc32(new Uint8Array(buffer, byteOffset, byteLength), sum);
    },
    crc32(JSON.stringify(byName(texts))),
  );
  return sum.toString(16);
}

/** A run that diverged may go on at a lower learning rate; nothing else may change. */
function checkRun(out: string, file: string, { saved, identity: before }: Stored, identity: Identity, log: Log): void {
  const diverged = readDiverged(out);
  checkIdentity(file, before, identity, diverged ? ["lr"] : []);
  if (!diverged) return;
  if (Number(identity.lr) >= diverged.lr) fail("diverged-before", { out, ...diverged, saved: saved.step });
  log.warn(`continuing with --lr ${identity.lr} in place of ${before.lr}, with which step ${diverged.step} diverged`);
}

interface Diverged {
  readonly step: number;
  readonly lr: number;
}

/** Remembers, beside the saved state, that a step was not finite; answers the way out, for people. */
export function markDiverged(out: string, step: number, { lr }: Identity): string {
  const [file] = statesOf(out);
  if (file === undefined) return "No state was saved before it. Start over with a lower --lr.";
  writeFileAtomic(filesOf(out).diverged, JSON.stringify({ step, lr }));
  return `To continue from ${file}, saved after step ${readSafetensorsHeader(file).metadata.step}, use --resume and a lower --lr.`;
}

function readDiverged(out: string): Diverged | undefined {
  const { diverged } = filesOf(out);
  return existsSync(diverged) ? (JSON.parse(readFileSync(diverged, "utf8")) as Diverged) : undefined;
}

/** The newest last: a kill in between leaves the one that is nearest to the end. */
export function removeState(out: string): void {
  const { next, current, previous, diverged } = filesOf(out);
  for (const file of [diverged, previous, next, current]) rmSync(file, { force: true });
}
