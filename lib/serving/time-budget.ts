import { fail } from "../errors/errors.js";
import { combineScores, type TextScore } from "../text/windows.js";
import type { Model } from "./model.js";
import type { ReadWindows, Wanted } from "./reading.js";
import type { RunWindows, Timing } from "./scheduler.js";
import { windowsAtOnce } from "./score-text.js";

/** Number of windows that run before the time for the remaining ones is estimated again. */
const windowsBetween = 32;
/** The share of a request's timeout that its windows may take; reading and answering take the rest. */
const share = 0.9;
/** Milliseconds for which a measured rate is used, because the load changes. */
const believed = 10_000;

/** Refuses requests whose scores would come too late. */
export interface TimeBudget {
  /** The largest number of tokens in a request, by the latest measurement; undefined if there is none. */
  readonly limit: Wanted["limit"];
  /**
   * Scores the texts of one request. Meanwhile, estimates the total time from the windows that have run.
   * @param onTimings called with the timings of the windows that ran
   * @throws text-too-long as soon as the estimate exceeds the time; what `run` throws
   */
  score(
    run: RunWindows,
    model: Pick<Model, "engine">,
    texts: readonly ReadWindows[],
    onTimings: (timings: readonly Timing[]) => void,
  ): Promise<TextScore[]>;
}

/** @param timeout milliseconds a request may take @param now the time in milliseconds */
export function createTimeBudget(timeout: number, now: () => number = () => performance.now()): TimeBudget {
  const seconds = timeout / 1000;
  let known = { tokensPerSecond: Infinity, until: -Infinity };

  const limitOf = (tokensPerSecond: number) => Number((tokensPerSecond * share * seconds).toPrecision(2));

  return {
    get limit() {
      return now() < known.until ? { tokens: limitOf(known.tokensPerSecond), seconds } : undefined;
    },
    async score(run, { engine }, texts, onTimings) {
      const windows = texts.flatMap(({ ids }) => ids);
      const tokens = texts.flatMap(({ weights }) => weights).reduce((a, b) => a + b, 0);
      const logits = new Float32Array(windows.length);
      let spent = 0;
      for (let done = 0; done < windows.length; ) {
        const inputs = windows.slice(done, done + windowsBetween);
        const scored = await run(engine, inputs, windowsAtOnce);
        onTimings(scored.timings);
        logits.set(scored.logits, done);
        done += inputs.length;
        // Side by side, each window waits and runs: this counts the lanes too, be they threads or a server's.
        spent += scored.timings.reduce((sum, { queueSeconds, computeSeconds }) => sum + queueSeconds + computeSeconds, 0) / windowsAtOnce;
        if (done === windows.length) break;
        const tokensPerSecond = (tokens * done) / windows.length / spent;
        known = { tokensPerSecond, until: now() + believed };
        if (tokens / tokensPerSecond > share * seconds) fail("text-too-long", { tokens, limit: limitOf(tokensPerSecond), seconds });
      }
      let end = 0;
      return texts.map((text) => {
        end += text.ids.length;
        return combineScores(text, logits.subarray(end - text.ids.length, end));
      });
    },
  };
}
