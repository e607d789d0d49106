import type { Judged } from "./gate.js";
import { medianRate, type Trial } from "./speed.js";

const columns = ["Graph", "Sessions x threads", "Texts/s", "RMSE", "Largest difference", "Rank correlation", "Kept"];

/** What was tried, as a table; a graph that failed the gate has no speed. */
export function formatTable(judged: readonly Judged[], trials: readonly Trial[], kept: Trial): string {
  const rows = judged.flatMap((candidate) => {
    const { precision, accuracy, passed } = candidate;
    const figures = [accuracy.rmse.toFixed(4), accuracy.largestDifference.toFixed(4), accuracy.rankCorrelation.toFixed(5)];
    if (!passed) return [[precision, "-", "-", ...figures, "no: fails the gate"]];
    return trials
      .filter((trial) => trial.graph === candidate.graph)
      .map((trial) => [
        precision,
        `${trial.layout.sessions} x ${trial.layout.threads}`,
        medianRate(trial).toFixed(1),
        ...figures,
        trial === kept ? "yes" : "no",
      ]);
  });
  const widths = columns.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |\n`;
  const rule = `|${widths.map((width, i) => `${"-".repeat(width + (i === 0 ? 2 : 1))}${i === 0 ? "" : ":"}`).join("|")}|\n`;
  return line(columns) + rule + rows.map(line).join("");
}
