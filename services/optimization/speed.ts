import { createEngine } from "../../lib/engine/engine.js";

/** Sessions of a model in worker threads, and threads of each. */
export interface Layout {
  readonly sessions: number;
  readonly threads: number;
}

/** A graph in a layout, with the texts a second it reached each time it was measured. */
export interface Trial {
  readonly graph: string;
  readonly layout: Layout;
  readonly rates: number[];
}

/** What is slower than this share of the fastest is not measured again. */
const worthAnotherRound = 0.85;
/** A later trial must be this much faster than an earlier one to be preferred: less than that is noise. */
const clearlyFaster = 1.03;

/** One session of one thread a core, one session of all cores, and with four cores or more what lies between. */
export function listLayouts(cores: number): readonly Layout[] {
  const sessions = new Set([cores, ...(cores >= 4 ? [Math.floor(cores / 2)] : []), 1]);
  return [...sessions].map((count) => ({ sessions: count, threads: Math.floor(cores / count) }));
}

export interface Measuring {
  /** Token ids of texts of typical length. */
  readonly texts: readonly (readonly number[])[];
  readonly seconds: number;
  readonly rounds: number;
  readonly signal: AbortSignal;
  onRun(): void;
}

/** Measures every trial once and the fastest of them in further rounds, forwards and backwards in turn, so that a drift strikes all alike. */
export async function measureTrials(trials: readonly Trial[], measuring: Measuring): Promise<void> {
  let left = trials;
  for (let round = 0; round < measuring.rounds; round++) {
    for (const trial of round % 2 === 0 ? left : left.toReversed()) {
      trial.rates.push(await measureRate(trial, measuring));
      measuring.onRun();
    }
    const fastest = Math.max(...left.map(medianRate));
    left = left.filter((trial) => medianRate(trial) >= worthAnotherRound * fastest);
  }
}

/** Runs `sessions` texts at a time. @returns texts a second */
async function measureRate({ graph, layout }: Trial, { texts, seconds, signal }: Measuring): Promise<number> {
  const engine = await createEngine({ graph, ...layout });
  try {
    const users = Array.from({ length: layout.sessions }, (_, i) => i);
    const score = (i: number) => engine.score(texts[i % texts.length]!, { signal });
    await Promise.all(users.map(score)); // memory grows to the text's size
    const rates = users.map(async (user) => {
      const began = performance.now();
      let [done, elapsed] = [0, 0];
      while (elapsed < seconds * 1000) {
        await score(user + layout.sessions * done++);
        elapsed = performance.now() - began;
      }
      return (1000 * done) / elapsed;
    });
    return (await Promise.all(rates)).reduce((a, b) => a + b);
  } finally {
    await engine.close();
  }
}

/** NaN before the first measurement. */
export function medianRate({ rates }: Trial): number {
  const sorted = rates.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
}

/** The fastest; an earlier one where a later one is not clearly faster. */
export function chooseTrial(trials: readonly Trial[]): Trial {
  return trials.reduce((best, trial) => (medianRate(trial) > clearlyFaster * medianRate(best) ? trial : best));
}
