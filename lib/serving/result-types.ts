import type { FormulaScores } from "../text/formulas.js";
import type { TextWarning } from "../text/warnings.js";

// What goes into scoring and what comes out: for the api, its client, the package and `readability score`. These types reach users of the
// package, who may lack the types of Node and of our dependencies. So this file imports only files without them.

/** What readers should be able to read: texts of a school grade, or texts with a score. */
export type Target = { readonly grade: number } | { readonly score: number };

/** Whether a text suits a target: whether it is at least as easy. */
export interface Suitability {
  /** The score that the target means; null if the tables do not tell it for a grade. */
  readonly score: number | null;
  /** Unsure if the target lies within the narrowest interval of the score; null without intervals or a target. */
  readonly suits: "yes" | "no" | "unsure" | null;
  /** The text's score minus the target's: positive if the text is easier. */
  readonly difference: number | null;
  /** The probability that yes or no is right; null if unsure. */
  readonly confidence: number | null;
}

/** What to compute besides the score. */
export interface Extras {
  /** Adds seven readability formulas. */
  readonly formulas?: boolean | undefined;
  /** Adds the effect of each sentence. The model runs once more for each. */
  readonly sentences?: boolean | undefined;
  /** Adds whether the text suits a target. */
  readonly target?: Target | undefined;
}

export interface ScoreOptions extends Extras {
  /** Cancels what still waits; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A text with what comes back beside its score. Its own extras take precedence over those of the call. */
export interface TextToScore extends Extras {
  readonly text: string;
  readonly id?: string | number;
}

export type Texts = AsyncIterable<string | TextToScore> | Iterable<string | TextToScore>;

/** The result of a text, or why it has none, under the id that the text had. */
export type Scored = { readonly id?: string | number } & (ScoreResult | ScoreFailure);

interface Interval {
  readonly low: number;
  readonly high: number;
  /** The probability that a value lies within. */
  readonly coverage: number;
}

/** The meaning of a score, as far as the model has tables for it. */
export interface ScoreMeaning {
  /** With probability `coverage`, the label that teachers would give a passage with this score lies within it. */
  readonly interval: Interval | null;
  /** The share of training passages with a lower label, from 0 to 100. */
  readonly percentile: number | null;
  /** School grades; null if the score is outside the range of training labels, or the text is not English prose. */
  readonly grade: { readonly low: number; readonly high: number; readonly basis: string } | null;
}

/** A sentence, in UTF-16 offsets of the original text. */
export interface SentenceEffect {
  readonly start: number;
  readonly end: number;
  /** The score of the text without the sentence, minus the score of the text; null if nothing would be left. */
  readonly effect: number | null;
}

/** A score and what it means: the result of POST /v1/score, of the package and of `readability score`. */
export interface ScoreResult extends ScoreMeaning {
  /** Higher is easier. */
  readonly score: number;
  /** Tokens of the text, and windows in which the model read them. */
  readonly tokens: number;
  readonly windows: number;
  /** Reasons to doubt the score. */
  readonly warnings: readonly TextWarning[];
  /** Only if requested. Each is null if the text has no sentence. */
  readonly formulas?: FormulaScores;
  /** Only if requested. */
  readonly sentences?: readonly SentenceEffect[];
  /** Only if requested. */
  readonly target?: Suitability;
  readonly model: string;
  /** The version in a model repository; null for a checkpoint. */
  readonly version: number | null;
}

/** In place of a result: why a text has none. */
export interface ScoreFailure {
  readonly error: { readonly status: number; readonly code: string; readonly detail: string };
}

/** What a change of a text did to its score. */
export interface ScoreDifference {
  /** The score after, minus the score before. */
  readonly score: number;
  /** Where the difference of the labels lies that teachers would give; null without a table. */
  readonly interval: Interval | null;
}

/** Two versions of one text: the answer of POST /v1/compare. */
export interface Comparison {
  readonly before: ScoreResult;
  readonly after: ScoreResult;
  readonly difference: ScoreDifference;
}

/** A model version that the api serves: of the answer of GET /v1/models. */
export interface ModelInfo {
  readonly model: string;
  readonly version: number;
  readonly base: string;
  readonly precision: string;
  /** Tokens that the model reads at once. */
  readonly max_length: number;
  /** Number of training passages. */
  readonly passages: number | null;
  readonly validation_rmse: number | null;
  /** Labels below which 0, 1, ... 100 % of the training passages lie, and typical school grades at a score. */
  readonly scale: {
    readonly percentiles: readonly number[] | null;
    readonly grades: readonly { readonly score: number; readonly grade: number }[] | null;
  };
  readonly tables: { readonly intervals: boolean; readonly percentiles: boolean; readonly grades: boolean };
}
