import type { FastifyReply, FastifyRequest } from "fastify";
import { type ErrorCode, fail, ReadabilityError } from "../../lib/errors/errors.js";
import { abortWithClient } from "../../lib/http/abort.js";
import type { Model } from "../../lib/serving/model.js";
import type { Reading, ReadWindows, Wanted } from "../../lib/serving/reading.js";
import type { RunWindows, Scheduler } from "../../lib/serving/scheduler.js";
import { findEffects, listRests, type ScoredText } from "../../lib/serving/score-result.js";
import { readText } from "../../lib/serving/text-reader.js";
import { createTimeBudget } from "../../lib/serving/time-budget.js";
import type { TextScore } from "../../lib/text/windows.js";
import { type Cache, createCache } from "./cache.js";
import type { Measurements } from "./measurements.js";
import type { Metrics } from "./metrics.js";
import type { ModelSource } from "./source.js";

export interface ScorerOptions {
  readonly source: Pick<ModelSource, "current" | "use" | "ready">;
  readonly scheduler: Scheduler;
  /** Texts whose scores are remembered; 0 for none. */
  readonly cacheSize: number;
  /** Milliseconds a request may take. */
  readonly timeout: number;
}

/** A text as it was read and scored. */
export interface Scored extends ScoredText {
  readonly model: Model;
  readonly read: ReadWindows;
}

/** The request that texts came with. */
export interface Asking {
  /** Cancels what waits. */
  readonly signal: AbortSignal;
  /** The client's trace, for the inference server. */
  readonly traceparent?: string | undefined;
  /** Counts what the texts take. */
  readonly measurements?: Measurements | undefined;
}

/** What a request brings to the scoring of its texts. They are cancelled if its client disconnects. */
export const askFor = ({ traceparent, measurements }: FastifyRequest, reply: FastifyReply): Asking => ({
  signal: abortWithClient(reply),
  traceparent,
  measurements,
});

/** Reads and scores the texts of requests. */
export interface Scorer {
  /** The score of a text that the current model scored before. */
  recall(text: string, measurements?: Measurements): TextScore | undefined;
  /**
   * Scores the texts of one request, all with the same version. A text with a remembered score does not run through the model.
   * @returns for each text its score, or the error that says why it has none: empty-text, text-too-long, too-many-sentences
   * @throws text-too-long if the texts are too long together; bad-score; what the scheduler throws
   */
  score(texts: readonly string[], wanted: Wanted, asking: Asking): Promise<(Scored | ReadabilityError)[]>;
}

/** A text that was read, and its score if it is remembered. */
interface Item {
  readonly text: string;
  readonly reading: Reading;
  readonly known: TextScore | undefined;
}

/** Errors of one text, which the others of its request do not share. */
const errorsOfText: readonly ErrorCode[] = ["empty-text", "text-too-long", "too-many-sentences"];

export function createScorer({ source, scheduler, cacheSize, timeout }: ScorerOptions, metrics: Metrics): Scorer {
  const caches = new WeakMap<Model, Cache<TextScore>>(); // a model's scores go with it
  const budget = createTimeBudget(timeout);

  return {
    recall(text, measurements) {
      const known = cacheOf(source.current).get(text);
      if (known) countHit(measurements);
      return known;
    },
    score: (texts, wanted, { signal, traceparent, measurements }) =>
      scheduler.accept({ signal, timeout, traceparent }, (run, signal) =>
        source.use(async (model) => {
          const items: (Item | ReadabilityError)[] = [];
          for (const text of texts) items.push(await readItem(model, text, wanted, signal, measurements));
          return scoreItems(run, model, items, measurements);
        }),
      ),
  };

  function cacheOf(model: Model): Cache<TextScore> {
    const cache = caches.get(model) ?? createCache<TextScore>(cacheSize);
    caches.set(model, cache);
    return cache;
  }

  function countHit(measurements: Measurements | undefined, isHit = true): void {
    metrics[isHit ? "cacheHits" : "cacheMisses"].inc();
    if (measurements) measurements[isHit ? "hits" : "misses"]++;
  }

  async function readItem(model: Model, text: string, wanted: Wanted, signal: AbortSignal, measurements: Measurements | undefined) {
    const known = cacheOf(model).get(text);
    countHit(measurements, known !== undefined);
    const began = performance.now();
    try {
      const reading = await readText(model, text, known ? wanted : { ...wanted, limit: budget.limit }, signal);
      metrics.tokenizeSeconds.observe((performance.now() - began) / 1000);
      return { text, reading, known };
    } catch (error) {
      if (error instanceof ReadabilityError && errorsOfText.includes(error.code)) return error;
      throw error;
    } finally {
      if (measurements) measurements.tokenize += performance.now() - began;
    }
  }

  async function scoreItems(
    run: RunWindows,
    model: Model,
    items: readonly (Item | ReadabilityError)[],
    measurements: Measurements | undefined,
  ): Promise<(Scored | ReadabilityError)[]> {
    const windows = items.flatMap((item) => {
      if (item instanceof ReadabilityError) return [];
      const rests = listRests(item.reading);
      return item.known ? rests : [item.reading.windows, ...rests];
    });
    const began = performance.now();
    let [queued, computed] = [0, 0]; // seconds of all windows, some of them at the same time
    const scores = await budget.score(run, model, windows, (timings) => {
      for (const { queueSeconds, computeSeconds } of timings) {
        metrics.queueSeconds.observe(queueSeconds);
        metrics.inferenceSeconds.observe(computeSeconds);
        queued += queueSeconds;
        computed += computeSeconds;
      }
    });
    if (measurements && windows.length > 0) {
      const queue = (performance.now() - began) * (queued === 0 ? 0 : queued / (queued + computed));
      measurements.queue += queue;
      measurements.inference += performance.now() - began - queue;
    }
    for (const { score } of scores) if (!Number.isFinite(score)) fail("bad-score", { score });

    const left = [...scores];
    return items.map((item) => {
      if (item instanceof ReadabilityError) return item;
      const { windows: read, warnings, formulas } = item.reading;
      const own = item.known ?? left.shift()!;
      cacheOf(model).set(item.text, own);
      const sentences = findEffects(item.reading, own.score, left.splice(0, listRests(item.reading).length));
      return { ...own, model, read, warnings, formulas, sentences };
    });
  }
}
