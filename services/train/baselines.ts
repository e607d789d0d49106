import { fitLine, mean } from "../../lib/math/statistics.js";
import { readingEase } from "../../lib/text/formulas.js";

export interface Labelled {
  readonly excerpt: string;
  readonly target: number;
}

/** Scores of the held-out passages by predictors that know almost nothing of the text. A useful model beats both. */
export interface Baselines {
  /** The mean target of the training passages. */
  readonly mean: readonly number[];
  /** A straight line on Flesch reading ease, fitted to the training passages. */
  readonly flesch: readonly number[];
}

export function scoreBaselines(training: readonly Labelled[], heldOut: readonly Labelled[]): Baselines {
  const targets = training.map(({ target }) => target);
  const ease = ({ excerpt }: Labelled) => readingEase(excerpt);
  const line = fitLine(training.map(ease), targets);
  const meanTarget = mean(targets);
  return { mean: heldOut.map(() => meanTarget), flesch: heldOut.map((passage) => line(ease(passage))) };
}
