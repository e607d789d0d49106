/** What the page reads of the api's answers: docs/api.md describes the fields. */
export interface ScoreAnswer {
  readonly score: number;
  readonly interval: Interval | null;
  readonly percentile: number | null;
  readonly grade: { readonly low: number; readonly high: number } | null;
  readonly tokens: number;
  readonly windows: number;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly formulas?: Readonly<Record<string, number | null>>;
  readonly sentences?: readonly SentenceEffect[];
  readonly target?: Suitability;
  readonly model: string;
  readonly version: number | null;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly coverage: number;
}

/** What a text's reader should be able to read: texts of a school grade, or texts with a score. */
export type Target = { readonly grade: number } | { readonly score: number };

export interface Suitability {
  readonly score: number | null;
  readonly suits: "yes" | "no" | "unsure" | null;
  readonly difference: number | null;
  readonly confidence: number | null;
}

export interface SentenceEffect {
  readonly start: number;
  readonly end: number;
  readonly effect: number | null;
}

export interface BatchAnswer {
  readonly results: readonly (ScoreAnswer | { readonly error: { readonly detail: string } })[];
}

export interface CompareAnswer {
  readonly before: ScoreAnswer;
  readonly after: ScoreAnswer;
  readonly difference: { readonly score: number; readonly interval: Interval | null };
}

export interface ModelAnswer {
  readonly model: string;
  readonly version: number;
  readonly passages: number | null;
  readonly validation_rmse: number | null;
  readonly scale: Scale;
}

/** The labels of the training passages, and the school grades that go with them. Null if the version has no such table. */
export interface Scale {
  readonly percentiles: readonly number[] | null;
  readonly grades: readonly { readonly score: number; readonly grade: number }[] | null;
}
