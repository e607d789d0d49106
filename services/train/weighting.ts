import type { Passage } from "../../lib/data/dataset.js";
import { fail } from "../../lib/errors/errors.js";
import { mean } from "../../lib/math/statistics.js";

/**
 * Weights of passages by how certain their targets are, with mean 1: 1 / (se^2 + tau^2), as in a random-effects model (DerSimonian &
 * Laird 1986). tau^2 stands for the variance that standard errors do not cover, above all the model's own error. It is the median of se^2
 * here, so no passage counts more than twice as much as the median one. A standard error of 0, or none, counts as the median: it does not
 * mean that the target is certain. On the CommonLit data the weights lie between .72 and 1.14: its targets are about equally certain.
 * @param file the csv of the passages, for errors
 * @throws no-standard-errors, bad-cell
 */
export function weighPassages(passages: readonly Passage[], file: string): number[] {
  for (const { standardError, row } of passages)
    if (standardError !== undefined && standardError < 0) {
      const problem = `${standardError} is below 0`;
      fail("bad-cell", { file, row, column: "standard_error", problem, remedy: "Enter 0 or leave it empty if unknown." });
    }
  const known = passages.flatMap(({ standardError }) => (standardError ? [standardError] : [])).sort((a, b) => a - b);
  if (known.length === 0) fail("no-standard-errors", { file });
  const median = known[known.length >> 1]!;
  const weights = passages.map(({ standardError }) => 1 / ((standardError || median) ** 2 + median ** 2));
  const average = mean(weights);
  return weights.map((weight) => weight / average);
}
