import type { Precision } from "../../lib/bert/precisions.js";
import { median } from "../../lib/math/statistics.js";
import { createLocalEngine } from "../../lib/serving/local-engine.js";
import { createScheduler } from "../../lib/serving/scheduler.js";

/** The number of sessions, each in a worker thread, and of threads in each session. */
export interface Layout {
  readonly sessions: number;
  readonly threads: number;
}

/** A graph in a layout, with the throughputs measured so far in texts per second. */
export interface Trial {
  readonly precision: Precision;
  readonly layout: Layout;
  readonly throughputs: readonly number[];
}

/** A trial that is slower than this share of the fastest is not measured again. */
const worthAnotherRound = 0.85;
/** A later trial must be this much faster than an earlier one to be preferred: less than that is noise. */
const clearlyFaster = 1.03;

/** One session of one thread per core, one session of all cores, and with four cores or more a layout in between. */
export function listLayouts(cores: number): readonly Layout[] {
  const sessions = new Set([cores, ...(cores >= 4 ? [Math.floor(cores / 2)] : []), 1]);
  return [...sessions].map((count) => ({ sessions: count, threads: Math.floor(cores / count) }));
}

/**
 * Measures every trial once, and the fastest ones in further rounds. Rounds alternate between forward and backward order, so that a drift
 * affects all trials alike.
 * @returns the trials with their throughputs
 */
export async function measureTrials(
  trials: readonly Trial[],
  rounds: number,
  measure: (trial: Trial) => Promise<number>,
): Promise<readonly Trial[]> {
  const measured = trials.map((trial) => ({ ...trial, throughputs: [...trial.throughputs] }));
  let left = measured;
  for (let round = 0; round < rounds; round++) {
    for (const trial of round % 2 === 0 ? left : left.toReversed()) trial.throughputs.push(await measure(trial));
    const fastest = Math.max(...left.map(medianThroughput));
    left = left.filter((trial) => medianThroughput(trial) >= worthAnotherRound * fastest);
  }
  return measured;
}

interface ThroughputOptions {
  /** Token ids of texts of typical length. */
  readonly texts: readonly (readonly number[])[];
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Scores `sessions` texts at a time. @param graph path of the .onnx file @returns texts per second */
export async function measureThroughput(graph: string, layout: Layout, { texts, seconds, signal }: ThroughputOptions): Promise<number> {
  const engine = await createLocalEngine({ graph, workers: layout.sessions, threads: layout.threads });
  const scheduler = createScheduler();
  try {
    const users = Array.from({ length: layout.sessions }, (_, i) => i);
    const score = (i: number) => scheduler.score(engine, texts[i % texts.length]!, { signal });
    await Promise.all(users.map(score)); // the first run allocates memory
    const throughputs = users.map(async (user) => {
      const began = performance.now();
      let [done, elapsed] = [0, 0];
      while (elapsed < seconds * 1000) {
        await score(user + layout.sessions * done++);
        elapsed = performance.now() - began;
      }
      return (1000 * done) / elapsed;
    });
    return (await Promise.all(throughputs)).reduce((a, b) => a + b);
  } finally {
    await engine.close();
  }
}

/** NaN before the first measurement. */
export const medianThroughput = ({ throughputs }: Trial): number => median(throughputs);

/** The fastest trial. A later one must be clearly faster than an earlier one. */
export function chooseTrial(trials: readonly Trial[]): Trial {
  return trials.reduce((best, trial) => (medianThroughput(trial) > clearlyFaster * medianThroughput(best) ? trial : best));
}
