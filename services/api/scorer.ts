import type { FastifyReply } from "fastify";
import { type ErrorCode, fail, ReadabilityError } from "../../lib/errors/errors.js";
import { abortWithClient } from "../../lib/http/abort.js";
import type { Model } from "../../lib/serving/model.js";
import type { Reading, Wanted } from "../../lib/serving/reading.js";
import type { RunWindows, Scheduler } from "../../lib/serving/scheduler.js";
import { findEffects, listRests, type ScoredText } from "../../lib/serving/score-result.js";
import { readText } from "../../lib/serving/text-reader.js";
import { createTimeBudget } from "../../lib/serving/time-budget.js";
import type { TextScore } from "../../lib/text/windows.js";
import { type Cache, createCache } from "./cache.js";
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

/** Reads and scores the texts of requests. */
export interface Scorer {
  /** The score of a text that the current model scored before. */
  recall(text: string): TextScore | undefined;
  /**
   * Scores the texts of one request, all with the same version. A text with a remembered score does not run through the model.
   * @returns for each text its score, or the error that says why it has none: empty-text, text-too-long, too-many-sentences
   * @throws text-too-long if the texts are too long together; bad-score; what the scheduler throws
   */
  score(texts: readonly string[], wanted: Wanted, reply: FastifyReply): Promise<(ScoredText | ReadabilityError)[]>;
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
    recall(text) {
      const known = cacheOf(source.current).get(text);
      if (known) metrics.cacheHits.inc();
      return known;
    },
    score: (texts, wanted, reply) =>
      scheduler.accept({ signal: abortWithClient(reply), timeout }, (run, signal) =>
        source.use(async (model) => {
          const items: (Item | ReadabilityError)[] = [];
          for (const text of texts) items.push(await readItem(model, text, wanted, signal));
          return scoreItems(run, model, items);
        }),
      ),
  };

  function cacheOf(model: Model): Cache<TextScore> {
    const cache = caches.get(model) ?? createCache<TextScore>(cacheSize);
    caches.set(model, cache);
    return cache;
  }

  async function readItem(model: Model, text: string, wanted: Wanted, signal: AbortSignal): Promise<Item | ReadabilityError> {
    const known = cacheOf(model).get(text);
    metrics[known ? "cacheHits" : "cacheMisses"].inc();
    const began = performance.now();
    try {
      const reading = await readText(model, text, known ? wanted : { ...wanted, limit: budget.limit }, signal);
      metrics.tokenizeSeconds.observe((performance.now() - began) / 1000);
      return { text, reading, known };
    } catch (error) {
      if (error instanceof ReadabilityError && errorsOfText.includes(error.code)) return error;
      throw error;
    }
  }

  async function scoreItems(run: RunWindows, model: Model, items: readonly (Item | ReadabilityError)[]) {
    const windows = items.flatMap((item) => {
      if (item instanceof ReadabilityError) return [];
      const rests = listRests(item.reading);
      return item.known ? rests : [item.reading.windows, ...rests];
    });
    const scores = await budget.score(run, model, windows, (timings) => {
      for (const { queueSeconds, computeSeconds } of timings) {
        metrics.queueSeconds.observe(queueSeconds);
        metrics.inferenceSeconds.observe(computeSeconds);
      }
    });
    for (const { score } of scores) if (!Number.isFinite(score)) fail("bad-score", { score });

    const left = [...scores];
    return items.map((item): ScoredText | ReadabilityError => {
      if (item instanceof ReadabilityError) return item;
      const { warnings, formulas } = item.reading;
      const own = item.known ?? left.shift()!;
      cacheOf(model).set(item.text, own);
      const sentences = findEffects(item.reading, own.score, left.splice(0, listRests(item.reading).length));
      return { ...own, model, warnings, formulas, sentences };
    });
  }
}
