import { pino } from "pino";
import type { Engine, Run } from "../lib/serving/engine.js";
import type { Model } from "../lib/serving/model.js";
import type { Tokenizer } from "../lib/text/tokenizer.js";

/** One token a word, between the ids 1 and 2. */
export const wordTokenizer: Tokenizer = {
  encode: (text) => [1, ...[...text.matchAll(/\S+/g)].map(([word]) => 10 + word.length), 2],
  countTokens: (text) => wordTokenizer.encode(text).length - 2,
  encodeTruncated: (text, maxLength) => wordTokenizer.encode(text).slice(0, maxLength),
  padId: 0,
  largestId: 999,
  specials: { prefix: [1], suffix: [2] },
  maxLength: undefined,
  vocabularySize: 1000,
};

/** What `sumEngine` gives: no round number, so that printing it is a test too. */
export const sumScore = (ids: readonly number[]): number => Math.fround(ids.reduce((sum, id) => sum + id, 0) / -7);

/** An engine with a lane for every window. */
export function fakeEngine(score: (ids: readonly number[]) => number | Promise<number>): Engine {
  const run = async (ids: ArrayLike<number>) => ({ logit: await score(Array.from(ids)), seconds: 0 });
  return { free: Infinity, run, ready: async () => true, close: async () => {} };
}

export const sumEngine: Engine = fakeEngine(sumScore);

interface HeldEngine extends Engine {
  /** Windows that came and were not answered. */
  readonly held: number;
  /** Windows that ever came. */
  readonly seen: number;
  /** Answers the window that came first, of those held. */
  release(): void;
}

/** An engine that answers when told to. */
export function holdEngine(): HeldEngine {
  const waiting: (() => void)[] = [];
  let seen = 0;
  return {
    ...sumEngine,
    run: (ids) =>
      new Promise<Run>((resolve) => {
        seen++;
        waiting.push(() => resolve({ logit: sumScore(Array.from(ids)), seconds: 0 }));
      }),
    get held() {
      return waiting.length;
    },
    get seen() {
      return seen;
    },
    release: () => waiting.shift()?.(),
  };
}

/** A source of one model that never changes. */
export const fixedSource = (model: Model) => ({
  current: model,
  use: <R>(work: (model: Model) => Promise<R>) => work(model),
  ready: () => model.engine.ready(),
});

/** A log that keeps its lines. */
export function keepLog() {
  const lines: string[] = [];
  return { lines, log: pino({ level: "debug" }, { write: (line: string) => void lines.push(line) }) };
}

/** Waits until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
