import { failure } from "../../lib/errors.js";
import type { ScoreOptions, Scorer } from "../../lib/scorer.js";

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

/**
 * Hands on at most `width` texts at a time, to whichever scorer each is for. The others wait in the order they came, and leave the line when their signal
 * aborts, so that nothing is computed for those who gave up.
 */
export function takeTurns(width: number, watch: Watch): Turns {
  const waiting = new Set<() => void>();
  let running = 0;
  let usualSeconds = 0;

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
    if (next === undefined) running--;
    else {
      waiting.delete(next);
      next();
    }
  }

  async function takeTurn(scorer: Pick<Scorer, "score">, ids: readonly number[], options: ScoreOptions | undefined): Promise<number> {
    options?.signal?.throwIfAborted();
    const came = performance.now();
    if (running < width) running++;
    else await waitForTurn(options?.signal);
    const began = performance.now();
    watch.queued((began - came) / 1000);
    try {
      const score = await scorer.score(ids, options);
      const seconds = (performance.now() - began) / 1000;
      watch.inferred(seconds);
      usualSeconds += (seconds - usualSeconds) * (usualSeconds === 0 ? 1 : 0.1);
      return score;
    } finally {
      passTurn();
    }
  }

  return {
    at: (scorer) => ({ score: (ids, options) => takeTurn(scorer, ids, options) }),
    expectedWait: () => (waiting.size * usualSeconds) / width,
  };
}
