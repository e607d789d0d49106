import { failure } from "../../lib/errors/errors.js";
import type { ScoreOptions, Scorer } from "../../lib/serving/scorer.js";

export interface Turns {
  /** A scorer that takes its turns at another. */
  at(scorer: Pick<Scorer, "score">): Pick<Scorer, "score">;
  /** Seconds that a text which comes now would wait for its turn. */
  expectedWait(): number;
}

/** Called with the seconds that each text waited for its turn and then spent at the model. */
export interface Watch {
  readonly queued: (seconds: number) => void;
  readonly inferred: (seconds: number) => void;
}

/** Texts whose ends tell the pace of the line: the newest, once there are a few. */
const paced = { most: 128, least: 64 } as const;

/**
 * Hands on at most `width` texts at a time, to whichever scorer each is for. The others wait in the order they came, and leave the line when their signal
 * aborts, so that nothing is computed for those who gave up.
 * @param now milliseconds
 */
export function takeTurns(width: number, watch: Watch, now = () => performance.now()): Turns {
  const waiting = new Set<() => void>();
  let running = 0;
  /** When turns were passed on since the line was last empty. */
  let ends: number[] = [];
  /** Seconds between two of them. What one text takes is no measure: while many arrive at once, it is mostly their arrival. */
  let pace = 0;

  function waitForTurn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiting.delete(start);
        reject(signal?.reason ?? failure("cancelled", {}));
      };
      const start = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      waiting.add(start);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Gives the turn of a text that is done to the first in the line. */
  function passTurn(): void {
    const next = waiting.values().next().value;
    if (next === undefined) {
      running--;
      ends = [];
      return;
    }
    ends = [...ends.slice(1 - paced.most), now()];
    if (ends.length >= paced.least) pace = (ends.at(-1)! - ends[0]!) / (ends.length - 1) / 1000;
    waiting.delete(next);
    next();
  }

  async function takeTurn(scorer: Pick<Scorer, "score">, ids: readonly number[], options: ScoreOptions | undefined): Promise<number> {
    options?.signal?.throwIfAborted();
    const came = now();
    if (running < width) running++;
    else await waitForTurn(options?.signal);
    const began = now();
    watch.queued((began - came) / 1000);
    try {
      const score = await scorer.score(ids, options);
      watch.inferred((now() - began) / 1000);
      return score;
    } finally {
      passTurn();
    }
  }

  return {
    at: (scorer) => ({ score: (ids, options) => takeTurn(scorer, ids, options) }),
    expectedWait: () => waiting.size * pace,
  };
}
