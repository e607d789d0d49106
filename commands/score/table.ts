import { styleText } from "node:util";
import type { ScoreResult } from "../../lib/serving/result-types.js";
import type { FormulaScores } from "../../lib/text/formulas.js";
import type { Outcome } from "./scores.js";

/** A column: its title, its width and the cell of a result. Numbers are rounded to what they are worth. */
interface Column {
  readonly title: string;
  readonly width: number;
  readonly cell: (result: ScoreResult) => string;
}

const columns: readonly Column[] = [
  { title: "score", width: 6, cell: ({ score }) => score.toFixed(2) },
  { title: "interval", width: 14, cell: ({ interval }) => (interval ? `${interval.low.toFixed(1)} to ${interval.high.toFixed(1)}` : "–") },
  { title: "easier than", width: 11, cell: ({ percentile }) => (percentile === null ? "–" : `${Math.round(percentile)} %`) },
  { title: "grade", width: 7, cell: ({ grade }) => (grade ? formatRange(Math.round(grade.low), Math.round(grade.high)) : "–") },
];

const formatRange = (low: number, high: number) => (low === high ? String(low) : `${low}–${high}`);

const titles: { readonly [name in keyof FormulaScores]: string } = {
  flesch_reading_ease: "Flesch reading ease",
  flesch_kincaid_grade: "Flesch-Kincaid",
  smog: "SMOG",
  gunning_fog: "Gunning fog",
  coleman_liau: "Coleman-Liau",
  automated_readability: "ARI",
  dale_chall: "Dale-Chall",
};

/** A smaller effect of a sentence is shown as noise would be: not at all. */
const smallestEffect = 0.05;
const mostSentences = 5;

export interface TableOptions {
  /** Characters of a line. */
  readonly width: number;
  /** Width of the column of names. */
  readonly names: number;
  readonly color: boolean;
}

/** Lays out outcomes as lines for a terminal, one after the other. */
export function createTable({ width, names, color }: TableOptions) {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const row = (name: string, cells: readonly string[]) =>
    [cutOrPad(name, names), ...cells.map((cell, i) => cell.padStart(columns[i]!.width))].join("  ");
  const indented = (mark: string, text: string) =>
    `  ${mark}  ${cutOrPad(text.replace(/\s+/g, " ").trim(), width - mark.length - 4).trimEnd()}\n`;
  const messages = new Map<string, string>();

  return {
    header: `${paint("dim", row("text", columns.map(({ title }) => title)).trimEnd())}\n`, // biome-ignore format: one line
    /** @param tooHard why the text fails a limit */
    line({ record: { text = "" }, result }: Outcome, name: string, tooHard: string | undefined): string {
      if ("error" in result) return `${cutOrPad(name, names)}  ${paint("red", result.error.detail)}\n`;
      for (const { code, message } of result.warnings) messages.set(code, message);
      const marks = [...result.warnings.map(({ code }) => paint("yellow", code)), ...(tooHard ? [paint("red", "too hard")] : [])];
      const first = row(name, columns.map(({ cell }) => cell(result))); // biome-ignore format: one line
      const hardest = (result.sentences ?? [])
        .filter(({ effect }) => effect !== null && effect >= smallestEffect)
        .toSorted((a, b) => b.effect! - a.effect!)
        .slice(0, mostSentences)
        .map(({ start, end, effect }) => indented(`+${effect!.toFixed(2)}`, text.slice(start, end)));
      const formulas = Object.entries(result.formulas ?? {}).flatMap(([key, value]) =>
        value === null ? [] : [`${titles[key as keyof FormulaScores]} ${value.toFixed(1)}`],
      );
      return [`${[first, ...marks].join("  ")}\n`, ...(formulas.length > 0 ? [`    ${formulas.join(" · ")}\n`] : []), ...hardest].join("");
    },
    /** What the columns and the warnings mean. */
    footer(coverage: number | undefined, hasSentences: boolean): string {
      const lines = [
        ...(coverage === undefined ? [] : [`interval: where teachers would place the text, in ${Math.round(100 * coverage)} % of cases`]),
        "easier than: share of the training passages; grade: US school years",
        ...(hasSentences ? ["+0.12: the score rises by this without the sentence; effects do not add up"] : []),
      ];
      const known = [...messages].map(([code, message]) => `${paint("yellow", code)}: ${message}\n`);
      return `\n${lines.map((line) => `${paint("dim", line)}\n`).join("")}${known.join("")}`;
    },
  };
}

/** Text of exactly this many characters. */
function cutOrPad(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}…`;
}
