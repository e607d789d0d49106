import { existsSync, renameSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Log } from "../../lib/cli/log.js";
import { describeIssues } from "../../lib/errors/describe-issues.js";
import { fail, ReadabilityError, reason } from "../../lib/errors/errors.js";
import { failToWrite, syncFolder, writeFileAtomic } from "../../lib/storage/files.js";
import { encodeSafetensors, readSafetensors, readSafetensorsHeader } from "../../lib/storage/safetensors.js";
import { producer } from "../../lib/system/producer.js";
import type { OptimizerState } from "../../lib/training/adamw.js";
import type { Data } from "./data.js";
import { type History, historySchema } from "./metrics.js";
import { countWorkers, type Settings } from "./options.js";
import { readJson } from "./read-json.js";
import type { Teaching } from "./teacher.js";

/** The saved states, newest first. `next` remains if a kill interrupted its renaming to `current`. */
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

export const identitySchema = z.record(z.string(), z.union([z.string(), z.number()]));

/** What must not change between a run and its resumption, for the same bits: the settings, and the content of the files that they name. */
export type Identity = Readonly<z.infer<typeof identitySchema>>;

/** The arrays of a run; which ones there are depends on the recipe. */
export interface TrainingState extends OptimizerState {
  /** Moving average of the parameters. */
  readonly average?: Float32Array | undefined;
  /** The parameters after the epoch with the best validation RMSE. */
  readonly best?: Float32Array | undefined;
}

const arrays = ["parameters", "firstMoments", "secondMoments", "average", "best"] as const;
type Arrays = Readonly<Record<string, Float32Array>>;
const arraysOf = (state: TrainingState): Arrays => Object.fromEntries(arrays.flatMap((name) => (state[name] ? [[name, state[name]]] : [])));

interface Saved {
  /** Steps taken so far. */
  readonly step: number;
  readonly history: History;
}

/** Settings that may change, and paths whose files are identified by their content. */
const unrelated = new Set([
  "resume",
  "resumeAnyway",
  "maxSteps",
  "checkpointEvery",
  "out",
  "arguments",
  "data",
  "base",
  "average",
  "unlabelled",
]);

export function identifyRun(settings: Settings, { fingerprint }: Pick<Data, "fingerprint">, teaching: Teaching | undefined): Identity {
  const entries = Object.entries(settings).filter(([name]) => !unrelated.has(name));
  const recipe = Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.join() : value]));
  return {
    ...recipe,
    ...(teaching ? { teacher: teaching.fingerprint } : {}),
    ...(teaching?.unlabelledFingerprint === undefined ? {} : { unlabelled: teaching.unlabelledFingerprint }),
    data: fingerprint,
    base: settings.base,
    workers: countWorkers(settings),
    processor: cpus()[0]?.model ?? "unknown",
    version: producer.version,
  } as Identity;
}

/** What changes no more than the rounding of a run, so that --resume-anyway may pass over it. */
const rounding = ["workers", "microBatch", "processor", "version"];

type Values = Readonly<Record<string, unknown>>;

/** `epochs was 200, is 2; lr was 0.0001, is 0.5`; an empty string if nothing differs. @param passed names that may differ */
export function describeDifferences(before: Values, now: Values, passed: readonly string[] = []): string {
  const different = Object.keys({ ...before, ...now }).filter((name) => before[name] !== now[name] && !passed.includes(name));
  return different.map((name) => `${name} was ${before[name]}, is ${now[name]}`).join("; ");
}

/** Names in which a run may differ from the one that it continues. */
export const passedBy = ({ resumeAnyway }: Pick<Settings, "resumeAnyway">): readonly string[] => (resumeAnyway ? rounding : []);

/** @param passed names that may differ; the log tells if they do @throws other-run, which names what differs */
export function checkIdentity(file: string, before: Identity, now: Identity, passed: readonly string[], log: Log): void {
  const differences = describeDifferences(before, now, passed);
  const isRounding = describeDifferences(before, now, rounding) === "";
  const remedy = isRounding
    ? "Continue it as it was for the same bits, or go on without them with --resume-anyway."
    : "Use the same options to continue it, or leave out --resume to start over.";
  if (differences !== "") fail("other-run", { file, differences, remedy });
  const changes = describeDifferences(before, now);
  if (changes !== "" && isRounding) log.warn(`continuing although ${changes}: the result is not bit for bit that of an uninterrupted run`);
}

/** Whether `out` holds a saved state. */
export const hasState = (out: string): boolean => statesOf(out).length > 0;

/** Saves the state after a step atomically; the previous one is kept. @throws as writeFileAtomic */
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
 * Loads the newest usable saved state into `state`. Returns undefined if there is none; the log names damaged ones.
 * @param passed names in which its run may differ
 * @throws other-run, which names what differs from the run that saved it; diverged-before; no-usable-state; bad-config
 */
export function loadState(
  out: string,
  state: TrainingState,
  identity: Identity,
  log: Log,
  passed: readonly string[] = [],
): Saved | undefined {
  const problems: string[] = [];
  for (const file of statesOf(out)) {
    const stored = readState(file);
    if (typeof stored === "string") {
      problems.push(stored);
      continue;
    }
    checkRun(out, file, stored, identity, log, passed);
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

/** Returns the state in a file, or what is wrong with it. */
function readState(file: string): Stored | string {
  try {
    const { crc32, format, ...texts } = readSafetensorsHeader(file).metadata;
    const arrays = Object.fromEntries([...readSafetensors(file)].map(([name, { data }]) => [name, data]));
    if (checksum(texts, arrays) !== crc32) return `${file} is damaged: its checksum does not match its content.`;
    const parsed = textsSchema.safeParse(texts);
    if (!parsed.success) return `${file} is damaged: ${describeIssues(parsed.error, texts)}.`;
    const { step, identity, history } = parsed.data;
    return { saved: { step, history }, identity, arrays };
  } catch (error) {
    return error instanceof ReadabilityError ? error.message : `${file} is damaged: ${reason(error)}`;
  }
}

const json = z.string().transform((text): unknown => JSON.parse(text));
const textsSchema = z.object({
  step: z.coerce.number().int().positive(),
  identity: json.pipe(identitySchema),
  history: json.pipe(historySchema),
});

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

/** A run that diverged may continue with a lower learning rate; nothing else may change. */
function checkRun(
  out: string,
  file: string,
  { saved, identity: before }: Stored,
  identity: Identity,
  log: Log,
  passed: readonly string[],
): void {
  const diverged = readDiverged(out);
  checkIdentity(file, before, identity, diverged ? [...passed, "lr"] : passed, log);
  if (!diverged) return;
  if (Number(identity.lr) >= diverged.lr) fail("diverged-before", { out, ...diverged, saved: saved.step });
  log.warn(`continuing with --lr ${identity.lr} in place of ${before.lr}, with which step ${diverged.step} diverged`);
}

const divergedSchema = z.object({ step: z.number(), lr: z.number() });

/** Records in a file that a step was not finite; returns what the user can do. */
export function markDiverged(out: string, step: number, { lr }: Identity): string {
  const [file] = statesOf(out);
  if (file === undefined) return "No state was saved before it. Start over with a lower --lr.";
  writeFileAtomic(filesOf(out).diverged, JSON.stringify({ step, lr }));
  return `To continue from ${file}, saved after step ${readSafetensorsHeader(file).metadata.step}, use --resume and a lower --lr.`;
}

function readDiverged(out: string): z.infer<typeof divergedSchema> | undefined {
  const { diverged } = filesOf(out);
  const remedy = "Delete it and resume with the same --lr: the run finds the step again.";
  return existsSync(diverged) ? readJson(diverged, divergedSchema, remedy) : undefined;
}

/** Removes the newest state last, so that a kill in between leaves the one nearest to the end. */
export function removeState(out: string): void {
  const { next, current, previous, diverged } = filesOf(out);
  for (const file of [diverged, previous, next, current]) rmSync(file, { force: true });
}
