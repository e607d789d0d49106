import { createHash } from "node:crypto";
import { fail } from "../errors/errors.js";
import { isBlank } from "../text/blank.js";
import { createFinder, parseCsv, readCsv, readNumber } from "./csv.js";

export interface Passage {
  /** What the id column says, else the row. */
  readonly id: string;
  readonly excerpt: string;
  /** Easiness, higher is easier; NaN where targets were not asked for. */
  readonly target: number;
  readonly standardError: number | undefined;
  /** As a spreadsheet counts: the header is row 1. */
  readonly row: number;
}

export interface Passages {
  /** At least one. */
  readonly passages: readonly Passage[];
  /** Sentences for the user about what was accepted but looks wrong. */
  readonly warnings: readonly string[];
  /** sha256 of the csv in hex, the same zipped or not. */
  readonly fingerprint: string;
}

export interface PassageOptions {
  /** The column of the texts. Default: excerpt; where no targets are asked for, also text. */
  readonly column?: string | undefined;
  /** Whether every row must have its target; without, ids may repeat too. */
  readonly targets: boolean;
}

/**
 * Passages of a csv (UTF-8, with a header), plain or alone in a zip. Columns: excerpt; target, standard_error and id where there are.
 * @throws no-file, file-failed, not-csv, not-csv-zip, csv-too-large, no-column, no-rows, bad-cell
 */
export function readPassages(file: string, { column, targets }: PassageOptions): Passages {
  const remedy = "Put your labelled passages there, or choose another file with --data.";
  const csv = readCsv(file, "a CSV of passages, plain or zipped", remedy);
  const [header, ...records] = parseCsv(file, csv);
  if (header === undefined || records.length === 0) return fail("no-rows", { file });
  const find = createFinder(file, header.cells);
  const columns = {
    excerpt: find(column ?? (!targets && !header.cells.includes("excerpt") && header.cells.includes("text") ? "text" : "excerpt")),
    target: targets ? find("target") : undefined,
    standardError: header.cells.indexOf("standard_error"),
    id: header.cells.indexOf("id"),
  };
  const passages = records.map(({ cells, row }): Passage => {
    const number = (column: string, text: string) => readNumber(file, row, column, text);
    const excerpt = cells[columns.excerpt]!;
    if (isBlank(excerpt))
      fail("bad-cell", {
        file,
        row,
        column: header.cells[columns.excerpt]!,
        problem: "the cell is blank",
        remedy: "Fill in the text or remove the row.",
      });
    const error = targets ? (cells[columns.standardError] ?? "").trim() : "";
    return {
      id: cells[columns.id]?.trim() || String(row),
      excerpt,
      target: columns.target === undefined ? Number.NaN : number("target", cells[columns.target]!),
      standardError: error === "" ? undefined : number("standard_error", error),
      row,
    };
  });
  if (targets) checkIds(file, passages);
  return { passages, warnings: warnOfSameTexts(file, passages), fingerprint: createHash("sha256").update(csv).digest("hex") };
}

function checkIds(file: string, passages: readonly Passage[]): void {
  const rows = new Map<string, number>();
  for (const { id, row } of passages) {
    const first = rows.get(id);
    const problem = `${JSON.stringify(id)} is also the id of row ${first}`;
    if (first !== undefined)
      fail("bad-cell", { file, row, column: "id", problem, remedy: "Give every passage its own id, or remove one." });
    rows.set(id, row);
  }
}

/** The same text in more than one passage, whatever white space is around it. */
export function groupByText(passages: readonly Passage[]): readonly number[][] {
  const groups = new Map<string, number[]>();
  passages.forEach(({ excerpt }, i) => {
    const key = excerpt.trim();
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  });
  return [...groups.values()];
}

function warnOfSameTexts(file: string, passages: readonly Passage[]): string[] {
  return groupByText(passages)
    .filter((group) => group.length > 1)
    .map(
      (group) =>
        `${file}: rows ${group.map((i) => passages[i]!.row).join(", ")} have the same text; training keeps them on one side of the split.`,
    );
}
