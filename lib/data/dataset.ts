import { createHash } from "node:crypto";
import { fail } from "../errors/errors.js";
import { isBlank } from "../text/blank.js";
import { readTable, type Table } from "./table.js";

export interface Passage {
  /** The cell of the column id, else the row number. */
  readonly id: string;
  readonly excerpt: string;
  /** Higher for easier texts; NaN if targets were not requested. */
  readonly target: number;
  readonly standardError: number | undefined;
  /** Numbered as in a spreadsheet: the header is row 1. */
  readonly row: number;
}

interface Passages {
  /** At least one. */
  readonly passages: readonly Passage[];
  /** Sentences for the user about what was accepted but looks wrong. */
  readonly warnings: readonly string[];
  /** sha256 in hex of the unpacked csv and, unless they are excerpt and target, of the names of its columns. */
  readonly fingerprint: string;
}

/** The columns of passages, and their file in a zip. */
interface Columns {
  /** The column of the texts. Default: excerpt, else text if no targets are requested. */
  readonly column?: string | undefined;
  /** The column of the labels. Default: target. */
  readonly target?: string | undefined;
  /** The file of a zip. Default: its only csv, else its train.csv. */
  readonly file?: string | undefined;
}

interface PassageOptions extends Columns {
  /** Whether every row must have a target and an id of its own. */
  readonly targets: boolean;
}

/**
 * Reads the passages of a csv. Columns: the text, and target, standard_error and id if they exist.
 * @throws no-column, bad-cell, and what readTable throws
 */
export function readPassages(file: string, { targets, column, target: label, file: member }: PassageOptions): Passages {
  const remedy = "Put your labelled passages there, or choose another file with --data.";
  const table = readTable(file, { what: "a CSV of passages, plain or zipped", remedy, member });
  const text = table.findText(column, !targets);
  const target = targets ? table.find(label ?? "target") : undefined;
  const standardError = targets ? table.findIfThere("standard_error") : undefined;
  const id = table.findIfThere("id");
  const passages = table.rows.map((row): Passage => {
    const { cells } = row;
    const excerpt = cells[text]!;
    if (isBlank(excerpt)) {
      const remedy = "Fill in the text or remove the row.";
      fail("bad-cell", { file, row: row.row, column: table.names[text]!, problem: "the cell is blank", remedy });
    }
    return {
      id: (id === undefined ? "" : cells[id]!.trim()) || String(row.row),
      excerpt,
      target: target === undefined ? Number.NaN : table.readNumber(row, target),
      standardError: standardError === undefined || cells[standardError]!.trim() === "" ? undefined : table.readNumber(row, standardError),
      row: row.row,
    };
  });
  if (targets) checkIds(file, passages);
  return {
    passages,
    warnings: [...table.warnings, ...warnOfSameTexts(file, passages)],
    fingerprint: fingerprintColumns(table, [text, target]),
  };
}

/** The same csv read by other columns is other data. */
function fingerprintColumns({ fingerprint, names }: Table, [text, target]: readonly [number, number | undefined]): string {
  const used = [names[text], target === undefined ? "target" : names[target]];
  if (used[0] === "excerpt" && used[1] === "target") return fingerprint;
  return createHash("sha256")
    .update(JSON.stringify([fingerprint, ...used]))
    .digest("hex");
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

/** Indices of the passages with the same text, apart from white space around it. */
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
