import type { ScoreTables } from "../repository/score-tables.js";
import { shareTokens } from "../text/shared-tokens.js";

/** A text with its score. */
interface Version {
  readonly score: number;
  /** Token ids of the text, in order, special ones not counted. */
  readonly ids: ArrayLike<number>;
}

/** What a change of a text did to its score. */
export interface ScoreDifference {
  /** The score after, minus the score before. */
  readonly score: number;
  /** Where the difference of the labels lies that teachers would give; null without a table. */
  readonly interval: { readonly low: number; readonly high: number; readonly coverage: number } | null;
}

/** The half-width of the narrowest interval for texts that differ: smaller differences of scores say nothing. */
export const noiseFloor = 0.05;

/**
 * Compares two versions of a text. Their errors are correlated: what the model gets wrong about a text, it gets wrong about both. This
 * assumes that the correlation is the share s of tokens that the versions share. The difference of two values with the standard deviation
 * d and the correlation s has the standard deviation d sqrt(2 (1 - s)), so the half-width of a score's interval grows by that factor. The
 * assumption is not measured: a calibrated function can take the place of this one.
 */
export function compareScores(before: Version, after: Version, { intervals: [narrowest] = [] }: ScoreTables): ScoreDifference {
  const score = after.score - before.score;
  if (!narrowest) return { score, interval: null };
  const share = shareTokens(before.ids, after.ids);
  const half = share === 1 ? 0 : Math.max(noiseFloor, narrowest.half_width * Math.sqrt(2 * (1 - share)));
  return { score, interval: { low: score - half, high: score + half, coverage: narrowest.coverage } };
}
