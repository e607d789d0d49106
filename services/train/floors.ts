import { fitLine, mean } from "../../lib/math/statistics.js";
import { readingEase } from "../../lib/text/formulas.js";

export interface Graded {
  readonly excerpt: string;
  readonly target: number;
}

/** Scorers that know almost nothing, fitted on the training passages: a model that is worth its while is better than both. */
export interface Floors {
  /** What each answers for the held-out passages. */
  readonly mean: readonly number[];
  readonly flesch: readonly number[];
}

export function scoreFloors(training: readonly Graded[], heldOut: readonly Graded[]): Floors {
  const targets = training.map(({ target }) => target);
  const ease = ({ excerpt }: Graded) => readingEase(excerpt);
  const line = fitLine(training.map(ease), targets);
  const middle = mean(targets);
  return { mean: heldOut.map(() => middle), flesch: heldOut.map((passage) => line(ease(passage))) };
}
