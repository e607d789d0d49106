import { intervalOf } from "../repository/intervals.js";
import type { ScoreTables } from "../repository/score-tables.js";
import { shareTokens } from "../text/shared-tokens.js";
import { noiseFloor } from "./noise-floor.js";
import type { ScoreDifference } from "./result-types.js";

/** A text with its score. */
interface Version {
  readonly score: number;
  /** Token ids of the text, in order, special ones not counted. */
  readonly ids: ArrayLike<number>;
}

type Interval = ReturnType<typeof intervalOf>;

/**
 * Compares two versions of a text. Their errors are correlated: what the model gets wrong about a text, it gets wrong about both. This
 * assumes that the correlation is the share s of tokens that the versions share. The difference of two errors of the sizes a and b then
 * has the size sqrt(a^2 + b^2 - 2 s a b), which is a sqrt(2 (1 - s)) for errors of one size. The assumption is not measured: a calibrated
 * function can take the place of this one.
 */
export function compareScores(before: Version, after: Version, tables: ScoreTables): ScoreDifference {
  const score = after.score - before.score;
  const [a, b] = [before, after].map(({ score, ids }) => intervalOf(tables, { score, tokens: ids.length })) as [Interval, Interval];
  if (!a || !b) return { score, interval: null };
  const share = shareTokens(before.ids, after.ids);
  const [reachBefore, reachAfter] = [a.high - before.score, b.high - after.score];
  const variance = reachBefore ** 2 + reachAfter ** 2 - 2 * share * reachBefore * reachAfter;
  const reach = share === 1 ? 0 : Math.max(noiseFloor, Math.sqrt(variance));
  return { score, interval: { low: score - reach, high: score + reach, coverage: a.coverage } };
}
