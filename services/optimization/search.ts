import type { Precision } from "../../lib/bert/precisions.js";
import { fail } from "../../lib/errors/errors.js";
import type { Cache, Measured } from "./cache.js";
import { listCandidates, type PrecisionChoice, type Target } from "./candidates.js";
import { type Gate, type GateOptions, type GateResult, runGate } from "./gate.js";
import { chooseTrial, type Layout, measureTrials, type Trial } from "./speed.js";

export interface SearchOptions extends Omit<GateOptions, "candidates"> {
  readonly target: Target;
  readonly precision: PrecisionChoice;
  /** Number of the model's layers. */
  readonly layers: number;
  readonly layouts: readonly Layout[];
  readonly rounds: number;
}

/** The measurements that the search needs, made on this machine. */
export interface Measurements {
  score(precision: Precision): Promise<Measured<"scores">>;
  /** Measured for the precision that is kept alone. */
  excerpts(precision: Precision): Promise<Measured<"excerpts">>;
  /** Texts per second, measured once. */
  throughput(trial: Trial): Promise<number>;
  saturating(): Promise<Measured<"saturating">>;
  peak(): Promise<Measured<"peak">>;
}

/** The precision that is served, and its layout. */
interface Kept {
  readonly precision: Precision;
  readonly layout: Layout;
}

export interface SearchResult {
  readonly gate: Gate;
  /** Empty for a GPU, where speed is not measured. */
  readonly trials: readonly Trial[];
  readonly kept: Kept;
  /** The gate result of the precision that is kept. */
  readonly served: GateResult;
  /** Scores of excerpts of the gate's rows, by the precision that is kept. */
  readonly excerpts: readonly number[];
  /** Scores of the reference texts in float32. */
  readonly references: readonly number[];
}

/** Values above this are too close to float16's limit, 65504: other texts may have larger ones. */
const largestHalf = 16384;

/**
 * Runs the accuracy gate, measures the speed of the precisions that pass in every layout, and keeps the fastest. Cached values are not
 * measured again, so the same cache leads to the same choice.
 * @throws gate-failed, values-too-large if no requested precision passes
 */
export async function search(options: SearchOptions, measurements: Measurements, cache: Cache): Promise<SearchResult> {
  const { target, precision: choice } = options;
  const score = (precision: Precision) => cache.recall("scores", precision, () => measurements.score(precision));
  const candidates = await chooseCandidates(options, measurements, cache);
  const gate = await runGate({ ...options, candidates }, async (precision) => (await score(precision)).rows);
  const passed = gate.results.filter(({ passed, precision }) => passed && (precision !== "fp32" || choice === "auto" || choice === "fp32"));
  if (passed.length === 0)
    fail("gate-failed", { precision: choice, rmse: gate.results.at(-1)!.accuracy.rmse.toFixed(4), bound: gate.bound.toFixed(4) });

  const trials = target === "gpu" ? [] : await measureSpeed(passed, options, measurements, cache);
  const kept = target === "gpu" ? { precision: passed.at(-1)!.precision, layout: { sessions: 1, threads: 1 } } : chooseTrial(trials);
  const served = passed.find(({ precision }) => precision === kept.precision)!;
  const excerpts = await cache.recall("excerpts", kept.precision, () => measurements.excerpts(kept.precision));
  return { gate, trials, kept, served, excerpts, references: (await score("fp32")).references };
}

async function chooseCandidates({ target, precision, layers }: SearchOptions, { saturating, peak }: Measurements, cache: Cache) {
  if (precision === "fp32") return [];
  if (target === "cpu") return listCandidates(target, await cache.recall("saturating", "int8", saturating), layers);
  const largest = await cache.recall("peak", "fp32", peak);
  if (largest <= largestHalf) return listCandidates(target, false, layers);
  return precision === "fp16" ? fail("values-too-large", { peak: largest.toFixed(0), limit: largestHalf }) : [];
}

async function measureSpeed(passed: readonly GateResult[], { layouts, rounds }: SearchOptions, { throughput }: Measurements, cache: Cache) {
  const trials = passed.flatMap(({ precision }) => layouts.map((layout): Trial => ({ precision, layout, throughputs: [] })));
  const name = trials.map(({ precision, layout }) => `${precision} ${layout.sessions} x ${layout.threads}`).join(", ");
  const measured = await cache.recall("throughputs", name, async () =>
    (await measureTrials(trials, rounds, throughput)).map(({ precision, layout, throughputs }) => ({
      precision,
      ...layout,
      texts_per_second: [...throughputs],
    })),
  );
  return trials.map((trial, i): Trial => ({ ...trial, throughputs: measured[i]!.texts_per_second }));
}
