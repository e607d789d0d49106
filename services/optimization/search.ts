import type { Precision } from "../../lib/bert/precisions.js";
import { fail } from "../../lib/errors/errors.js";
import type { Cache } from "./cache.js";
import { type Gate, type GateOptions, type Judged, judgePrecisions } from "./gate.js";
import { listPrecisions, type Target, type Wish } from "./precisions.js";
import { chooseTrial, type Layout, measureTrials, type Trial } from "./speed.js";

export interface SearchOptions extends Omit<GateOptions, "precisions"> {
  readonly target: Target;
  readonly wish: Wish;
  /** Of the model. */
  readonly layers: number;
  readonly layouts: readonly Layout[];
  readonly rounds: number;
  /** Texts of the accuracy gate; what `score` gives beyond them are reference scores. */
  readonly rows: number;
}

/** What the search asks of the machine. */
export interface Instruments {
  /** Scores of the gate's rows, and after them of the reference texts. */
  score(precision: Precision): Promise<readonly number[]>;
  /** Texts a second, measured once. */
  rate(trial: Trial): Promise<number>;
  /** Whether products of 8-bit weights overflow. */
  saturating(): Promise<boolean>;
  /** The largest value that the model computes. */
  peak(): Promise<number>;
}

/** What is served, and in what layout. */
export interface Kept {
  readonly precision: Precision;
  readonly layout: Layout;
}

export interface Found {
  readonly gate: Gate;
  /** None for a GPU, as speed is not measured there. */
  readonly trials: readonly Trial[];
  readonly kept: Kept;
  readonly served: Judged;
  /** Scores of the reference texts in float32. */
  readonly references: readonly number[];
}

/** Values beyond this are taken to be near float16's end, 65504: other texts may have larger ones. */
const largestHalf = 16384;

/**
 * Puts precisions through the accuracy gate, measures the speed of those that pass in every layout, and keeps the fastest.
 * What the cache knows is not measured: the same cache leads to the same choice.
 * @throws gate-failed, values-too-large where nothing passes that is wished for
 */
export async function search(options: SearchOptions, instruments: Instruments, cache: Cache): Promise<Found> {
  const { target, wish, rows } = options;
  const scoresOf = async (precision: Precision) =>
    (await cache.recall(`scores in ${precision}`, async () => [await instruments.score(precision)]))[0]!;
  const precisions = await choosePrecisions(options, instruments, cache);
  const gate = await judgePrecisions({ ...options, precisions }, async (precision) => (await scoresOf(precision)).slice(0, rows));
  const passed = gate.judged.filter((judged) => judged.passed && (judged.precision !== "fp32" || wish === "auto" || wish === "fp32"));
  if (passed.length === 0)
    fail("gate-failed", { precision: wish, rmse: gate.judged.at(-1)!.accuracy.rmse.toFixed(4), bound: gate.bound.toFixed(4) });

  const trials = target === "gpu" ? [] : await measureSpeed(passed, options, instruments, cache);
  const kept = target === "gpu" ? { precision: passed.at(-1)!.precision, layout: { sessions: 1, threads: 1 } } : chooseTrial(trials);
  const served = passed.find(({ precision }) => precision === kept.precision)!;
  return { gate, trials, kept, served, references: (await scoresOf("fp32")).slice(rows) };
}

async function choosePrecisions({ target, wish, layers }: SearchOptions, { saturating, peak }: Instruments, cache: Cache) {
  const recall = async (name: string, measure: () => Promise<number>) =>
    (await cache.recall(name, async () => [[await measure()]]))[0]![0]!;
  if (wish === "fp32") return [];
  if (target === "cpu") return listPrecisions(target, (await recall("saturating", async () => Number(await saturating()))) === 1, layers);
  const largest = await recall("peak", peak);
  if (largest <= largestHalf) return listPrecisions(target, false, layers);
  return wish === "fp16" ? fail("values-too-large", { peak: largest.toFixed(0), limit: largestHalf }) : [];
}

async function measureSpeed(passed: readonly Judged[], { layouts, rounds }: SearchOptions, { rate }: Instruments, cache: Cache) {
  const trials = passed.flatMap(({ precision }) => layouts.map((layout): Trial => ({ precision, layout, rates: [] })));
  const names = trials.map(({ precision, layout }) => `${precision} ${layout.sessions} x ${layout.threads}`);
  const rates = await cache.recall(`speed of ${names.join(", ")}`, async () =>
    (await measureTrials(trials, rounds, rate)).map((trial) => trial.rates),
  );
  return trials.map((trial, i): Trial => ({ ...trial, rates: rates[i]! }));
}
