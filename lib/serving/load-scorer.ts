import { fail } from "../errors/errors.js";
import { createScorer } from "./create-scorer.js";
import { openModel } from "./model.js";
import type { Scored, ScoreFailure, ScoreOptions, ScoreResult, Texts } from "./result-types.js";

export interface LoadOptions {
  /** Folder of a model repository or a checkpoint. Default: artifacts/repository, else artifacts/model, else the released model. */
  readonly model?: string | undefined;
  /** Worker threads, each with the model in memory. Default: as optimization measured, else one per core. */
  readonly threads?: number | undefined;
}

/** Scores texts in this process. Its worker threads keep the process alive until it is closed. */
export interface Scorer extends AsyncDisposable {
  /** Name of the model, for people. */
  readonly name: string;
  /** @throws ReadabilityError with the code empty-text, too-many-sentences, bad-argument, scorer-closed and others; the signal's reason */
  score(text: string, options?: ScoreOptions): Promise<ScoreResult>;
  /** One result a text, in the same order. A text that cannot be scored has an error in its place. */
  score(texts: readonly string[], options?: ScoreOptions): Promise<(ScoreResult | ScoreFailure)[]>;
  /**
   * One result a text, in the same order, each as soon as it and those before it are done. Reads at most 64 texts ahead of what is
   * taken. A text that cannot be scored has an error in its place. If reading fails, the results of what was read come first.
   */
  scoreAll(texts: Texts, options?: ScoreOptions): AsyncGenerator<Scored, void, undefined>;
  /** Ends the worker threads after the texts in progress. */
  close(): Promise<void>;
}

/** Loads a model into worker threads of this process. @throws no-model, bad-argument and what loading throws */
export async function loadScorer({ model, threads }: LoadOptions = {}): Promise<Scorer> {
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0))
    fail("bad-argument", { name: "threads", expected: "a positive integer", found: String(threads) });
  const opened = await openModel(model, threads === undefined ? {} : { workers: threads });
  return createScorer(opened);
}
