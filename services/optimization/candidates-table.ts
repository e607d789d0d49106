import type { SearchResult } from "./search.js";
import { medianThroughput } from "./speed.js";

export const columns = [
  "Graph",
  "Sessions x threads",
  "Texts/s",
  "RMSE",
  "Largest difference",
  "Mean difference",
  "Rank correlation",
  "Kept",
];

/** A row for each graph in each layout. Graphs that failed the gate and graphs for a GPU have no speed. */
export function listRows({ gate, trials, kept }: SearchResult): readonly (readonly string[])[] {
  return gate.results.flatMap(({ precision, accuracy, passed }) => {
    const { rmse, largestDifference, meanDifference, rankCorrelation } = accuracy;
    const figures = [...[rmse, largestDifference, meanDifference].map((figure) => figure.toFixed(4)), rankCorrelation.toFixed(5)];
    const measured = trials.filter((trial) => trial.precision === precision);
    if (measured.length === 0)
      return [[precision, "-", "-", ...figures, passed ? (precision === kept.precision ? "yes" : "no") : "no: fails the gate"]];
    return measured.map(({ layout, ...trial }) => {
      const isKept = precision === kept.precision && layout === kept.layout;
      return [
        precision,
        `${layout.sessions} x ${layout.threads}`,
        medianThroughput({ ...trial, layout }).toFixed(1),
        ...figures,
        isKept ? "yes" : "no",
      ];
    });
  });
}

/** The rows as a Markdown table. */
export function formatTable(found: SearchResult): string {
  const rows = listRows(found);
  const widths = columns.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |\n`;
  const rule = `|${widths.map((width, i) => `${"-".repeat(width + (i === 0 ? 2 : 1))}${i === 0 ? "" : ":"}`).join("|")}|\n`;
  return line(columns) + rule + rows.map(line).join("");
}
