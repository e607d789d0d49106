import { setMaxListeners } from "node:events";
import { pMapIterable } from "p-map";
import { fail, failure, ReadabilityError, reason } from "../errors/errors.js";
import { withDeadline } from "../protocol/deadline.js";
import type { Model } from "./model.js";
import type { Extras, Scored, ScoreFailure, ScoreOptions, ScoreResult, Texts, TextToScore } from "./result-types.js";
import { createScheduler } from "./scheduler.js";
import { describeFailure, describeResult, findEffects, listRests } from "./score-result.js";
import { readText, startTextReaderLazily } from "./text-reader.js";
import { createTimeBudget } from "./time-budget.js";

/** Texts in progress: enough to keep every worker busy, few enough to hold in memory. */
export const mostInFlight = 64;

/** Scores with a model; closing the scorer closes it. */
export function createScorer(opened: Model) {
  const { name, version, maxLength } = opened;
  const reader = startTextReaderLazily({ folder: version?.folder ?? name, maxLength });
  const model = { reader, ...opened };
  const scheduler = createScheduler();
  const budget = createTimeBudget(Infinity);
  let closing: Promise<void> | undefined;

  async function scoreText(text: string, wanted: Extras, signal: AbortSignal | undefined): Promise<ScoreResult> {
    if (closing) fail("scorer-closed", {});
    if (typeof text !== "string") fail("bad-argument", { name: "text", expected: "a string", found: typeof text });
    const { formulas = false, sentences = false, target } = wanted;
    return scheduler.accept(signal ? { signal } : {}, async (run, signal) => {
      const reading = await readText(model, text, { warnings: true, formulas, sentences }, signal);
      const [own, ...rests] = await budget.score(run, model, [reading.windows, ...listRests(reading)], () => {});
      for (const { score } of [own!, ...rests]) if (!Number.isFinite(score)) fail("bad-score", { score });
      const effects = findEffects(reading, own!.score, rests);
      return describeResult({ ...reading, ...own!, model, sentences: effects }, { formulas, sentences, target });
    });
  }

  /** Fails only if the scorer is closed or the call is cancelled. */
  async function scoreItem(item: string | TextToScore, options: Extras, signal: AbortSignal | undefined): Promise<Scored> {
    const { text, id, ...own } = typeof item === "string" ? { text: item } : item;
    const named = id === undefined ? {} : { id };
    try {
      return { ...named, ...(await scoreText(text, { ...options, ...own }, signal)) };
    } catch (error) {
      const known = error instanceof ReadabilityError ? error : failure("run-failed", { problem: reason(error) }, error);
      if (signal?.aborted || known.code === "scorer-closed") throw error;
      return { ...named, ...describeFailure(known) };
    }
  }

  async function* scoreAll(texts: Texts, { signal, ...extras }: ScoreOptions = {}): AsyncGenerator<Scored, void, undefined> {
    const stopped = new AbortController(); // cancels what is in progress if the reader leaves
    const ended = signal ? AbortSignal.any([signal, stopped.signal]) : stopped.signal;
    setMaxListeners(0, ended);
    try {
      yield* pMapIterable(endWith(texts, ended), (item) => scoreItem(item, extras, ended), { concurrency: mostInFlight });
    } finally {
      stopped.abort();
    }
  }

  function score(text: string, options?: ScoreOptions): Promise<ScoreResult>;
  function score(texts: readonly string[], options?: ScoreOptions): Promise<(ScoreResult | ScoreFailure)[]>;
  async function score(texts: string | readonly string[], { signal, ...extras }: ScoreOptions = {}) {
    if (!Array.isArray(texts)) return scoreText(texts as string, extras, signal);
    const results: (ScoreResult | ScoreFailure)[] = [];
    for await (const result of scoreAll(texts, { ...extras, signal })) results.push(result);
    return results;
  }

  function close(): Promise<void> {
    closing ??= scheduler.close().then(async () => void (await Promise.all([opened.engine.close(), reader.close()])));
    return closing;
  }

  return { name, score, scoreAll, close, [Symbol.asyncDispose]: close };
}

/** The items until the signal aborts. Then throws its reason, even if the next item is late. */
async function* endWith<T>(items: AsyncIterable<T> | Iterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let isDone = false;
  try {
    for (;;) {
      const next = await withDeadline(Infinity, signal, async () => iterator.next());
      isDone = next.done ?? false;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    if (!isDone) void Promise.resolve(iterator.return?.()).catch(() => {}); // not awaited: it may wait for the late item
  }
}
