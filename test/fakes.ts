import { pino } from "pino";
import type { Model } from "../lib/serving/model.js";
import type { Scorer } from "../lib/serving/scorer.js";
import type { Tokenizer } from "../lib/text/tokenizer.js";

/** One token a word, between the ids 1 and 2. */
export const wordTokenizer: Tokenizer = {
  encode: (text) => [1, ...[...text.matchAll(/\S+/g)].map(([word]) => 10 + word.length), 2],
  countTokens: (text) => wordTokenizer.encode(text).length - 2,
  encodeTruncated: (text, maxLength) => wordTokenizer.encode(text).slice(0, maxLength),
  padId: 0,
  specials: { prefix: [1], suffix: [2] },
  maxLength: undefined,
  vocabularySize: 64,
  largestId: 63,
};

/** What `sumScorer` gives: no round number, so that printing it is a test too. */
export const sumScore = (ids: readonly number[]): number => Math.fround(ids.reduce((sum, id) => sum + id, 0) / -7);

export const sumScorer: Scorer = { score: async (ids) => sumScore(ids), ready: async () => true, close: async () => {} };

export interface HeldScorer extends Scorer {
  /** Texts that came and were not answered. */
  readonly held: number;
  /** Texts that ever came. */
  readonly seen: number;
  /** Answers the text that came first, of those held. */
  release(): void;
}

/** A scorer that answers when told to. */
export function holdScorer(): HeldScorer {
  const waiting: (() => void)[] = [];
  let seen = 0;
  return {
    score: (ids) =>
      new Promise((resolve) => {
        seen++;
        waiting.push(() => resolve(sumScore(ids)));
      }),
    ready: async () => true,
    close: async () => {},
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
  ready: () => model.scorer.ready(),
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
