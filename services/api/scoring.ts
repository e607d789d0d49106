import { fail, failure } from "../../lib/errors/errors.js";
import type { Model } from "../../lib/serving/model.js";
import { isBlank } from "../../lib/text/blank.js";
import type { Tokenizer } from "../../lib/text/tokenizer.js";
import { scoreText, type TextScore } from "../../lib/text/windows.js";
import { type Cache, createCache } from "./cache.js";
import type { Metrics } from "./metrics.js";
import type { ModelSource } from "./source.js";
import { takeTurns } from "./turns.js";

export interface ScoringOptions {
  readonly source: Pick<ModelSource, "current" | "use" | "ready">;
  /** Texts whose scores are remembered; 0 for none. */
  readonly cacheSize: number;
  /** Texts at the model at once; the others wait in order. */
  readonly concurrency: number;
  /** Requests accepted at once; one more is refused. */
  readonly queueLimit: number;
  /** Milliseconds a request may take. */
  readonly timeout: number;
}

export interface Scoring {
  /**
   * @param controller aborted when the client goes away; aborted here when the time is up.
   * @throws empty-text, overloaded, timed-out, cancelled, bad-score and what the scorer throws
   */
  score(text: string, controller: AbortController): Promise<TextScore>;
  ready(): Promise<boolean>;
  /** Whole seconds after which a refused client may try again. */
  retryAfter(): number;
}

/** What stands between the routes and the model: the cache, the limit, the line and the deadline. */
export function createScoring(options: ScoringOptions, metrics: Metrics): Scoring {
  const { source, cacheSize, timeout, queueLimit } = options;
  const caches = new WeakMap<Model, Cache<TextScore>>(); // a model's scores go with it
  const turns = takeTurns(options.concurrency, {
    queued: (seconds) => metrics.queueSeconds.observe(seconds),
    inferred: (seconds) => metrics.inferenceSeconds.observe(seconds),
  });
  let accepted = 0;
  const retryAfter = () => Math.max(1, Math.ceil(turns.expectedWait()));

  function cacheOf(model: Model): Cache<TextScore> {
    const cache = caches.get(model) ?? createCache<TextScore>(cacheSize);
    caches.set(model, cache);
    return cache;
  }

  /** Tokens and all scores of a text are of one model. */
  async function compute(model: Model, text: string, signal: AbortSignal): Promise<TextScore> {
    const timed = timeTokenizer(model.tokenizer);
    const work = scoreText(turns.at(model.scorer), timed, model.maxLength, text, { signal });
    metrics.tokenizeSeconds.observe(timed.seconds()); // scoreText tokenizes before it first waits
    const result = await work;
    if (!Number.isFinite(result.score)) fail("bad-score", { score: result.score });
    cacheOf(model).set(text, result);
    return result;
  }

  async function accept(text: string, controller: AbortController): Promise<TextScore> {
    if (accepted >= queueLimit || turns.expectedWait() * 1000 > timeout)
      fail("overloaded", { waiting: accepted, retryAfter: retryAfter() });
    accepted++;
    const deadline = setTimeout(() => controller.abort(failure("timed-out", { milliseconds: timeout })), timeout);
    const { signal } = controller;
    try {
      return await unlessAborted(
        source.use((model) => compute(model, text, signal)),
        signal,
      );
    } finally {
      clearTimeout(deadline);
      accepted--;
    }
  }

  return {
    async score(text, controller) {
      if (isBlank(text)) fail("empty-text", {});
      const known = cacheOf(source.current).get(text);
      if (known !== undefined) {
        metrics.cacheHits.inc();
        return known;
      }
      metrics.cacheMisses.inc();
      return accept(text, controller);
    },
    ready: () => source.ready().catch(() => false),
    retryAfter,
  };
}

/** `work`, or the signal's reason as soon as it aborts: a run in progress cannot be interrupted, but nobody has to wait for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

function timeTokenizer(tokenizer: Tokenizer): Tokenizer & { seconds(): number } {
  let milliseconds = 0;
  const encode = (text: string) => {
    const began = performance.now();
    const ids = tokenizer.encode(text);
    milliseconds += performance.now() - began;
    return ids;
  };
  return { ...tokenizer, encode, seconds: () => milliseconds / 1000 };
}
