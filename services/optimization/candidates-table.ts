import { markdownTable } from "../../lib/report/markdown.js";
import type { SearchResult } from "./search.js";
import { medianThroughput } from "./speed.js";

// biome-ignore format: a list reads better in lines
export const columns = ["Graph", "Sessions x threads", "Texts/s", "RMSE", "Largest difference", "Mean difference", "Rank correlation", "Kept"];

/** A row for each graph in each layout. Graphs that failed the gate and graphs for a GPU have no speed. */
export function listRows({ gate, trials, kept }: SearchResult): readonly (readonly string[])[] {
  return gate.results.flatMap(({ precision, accuracy, passed }) => {
    const { rmse, largestDifference, meanDifference, rankCorrelation } = accuracy;
    const figures = [...[rmse, largestDifference, meanDifference].map((figure) => figure.toFixed(4)), rankCorrelation.toFixed(5)];
    const measured = trials.filter((trial) => trial.precision === precision);
    if (measured.length === 0)
      return [[precision, "-", "-", ...figures, passed ? (precision === kept.precision ? "yes" : "no") : "no: fails the gate"]];
    return measured.map((trial) => {
      const { sessions, threads } = trial.layout;
      const isKept = precision === kept.precision && trial.layout === kept.layout;
      return [precision, `${sessions} x ${threads}`, medianThroughput(trial).toFixed(1), ...figures, isKept ? "yes" : "no"];
    });
  });
}

/** The rows as a Markdown table. */
export const formatTable = (found: SearchResult): string => markdownTable(columns, listRows(found));
