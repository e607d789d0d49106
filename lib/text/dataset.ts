import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { CsvError, type Info, parse } from "csv-parse/sync";
import { unzipSync } from "fflate";
import { fail, reason } from "../errors.js";
import { readFile } from "../files.js";
import { isBlank } from "./blank.js";

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

const largestCsv = 2 ** 30;

/**
 * Passages of a csv (UTF-8, with a header), plain or alone in a zip. Columns: excerpt; target, standard_error and id where there are.
 * @throws no-file, file-failed, not-csv, not-csv-zip, csv-too-large, no-column, no-rows, bad-cell
 */
export function readPassages(file: string, { column, targets }: PassageOptions): Passages {
  const csv = readCsv(file);
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
    const number = (column: string, text: string) => parseNumber(text) ?? failCell(file, row, column, text);
    const excerpt = cells[columns.excerpt]!;
    if (isBlank(excerpt))
      fail("bad-cell", {
        file,
        row,
        column: header.cells[columns.excerpt]!,
        problem: "it is blank",
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

interface CsvRecord {
  readonly cells: readonly string[];
  readonly row: number;
}

/** The csv's bytes, whether the file is one or a zip that holds one; told by its content. */
function readCsv(file: string): Uint8Array {
  const remedy = "Place your graded passages there, or name another file with --data.";
  const bytes = readFile(file, "a csv of passages, plain or in a zip", remedy);
  if (bytes.length === 0) fail("no-rows", { file });
  const csv = bytes.subarray(0, 2).toString("latin1") === "PK" ? unzipCsv(file, bytes) : bytes;
  if (csv.length > largestCsv) fail("csv-too-large", { file, bytes: csv.length, limit: largestCsv });
  if (!isUtf8(csv) || csv.includes(0)) fail("not-csv", { file, problem: "it is neither a zip nor text in UTF-8" });
  return csv;
}

function unzipCsv(file: string, zip: Uint8Array): Uint8Array {
  const sizes = new Map<string, number>();
  const unzip = (wanted?: string) => {
    try {
      return unzipSync(zip, {
        filter: ({ name, originalSize }) => {
          if (!name.endsWith("/")) sizes.set(name, originalSize);
          return name === wanted;
        },
      });
    } catch (error) {
      return fail("not-csv", { file, problem: `the zip is damaged (${reason(error)})` }, error);
    }
  };
  unzip();
  const named = [...sizes.keys()].filter((name) => !/(^|\/)(__MACOSX\/|\._)/.test(name));
  const [name, ...more] = named.filter((name) => /\.csv$/i.test(name));
  if (name === undefined || more.length > 0) return fail("not-csv-zip", { file, found: list(named) });
  const bytes = sizes.get(name)!;
  if (bytes > largestCsv) fail("csv-too-large", { file, bytes, limit: largestCsv });
  return unzip(name)[name]!; // its buffer has the size that the zip declares, however much is packed in it
}

function parseCsv(file: string, csv: Uint8Array): CsvRecord[] {
  try {
    const parsed = parse(csv, { bom: true, info: true, skip_empty_lines: true }) as unknown as { record: string[]; info: Info }[];
    return parsed.map(({ record, info }, i) => ({
      cells: i === 0 ? record.map((name) => name.trim()) : record,
      row: info.records + info.empty_lines,
    }));
  } catch (error) {
    if (error instanceof CsvError) return fail("not-csv", { file, problem: error.message }, error);
    throw error;
  }
}

function createFinder(file: string, names: readonly string[]): (column: string) => number {
  return (column) => {
    const index = names.indexOf(column);
    const remedy = "Rename one, or name yours where the command has --column; columns are separated by commas.";
    return index === -1 ? fail("no-column", { file, column, found: list(names), remedy }) : index;
  };
}

function parseNumber(text: string): number | undefined {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

function failCell(file: string, row: number, column: string, text: string): never {
  const problem = text.trim() === "" ? "it is blank" : `${JSON.stringify(text.slice(0, 40))} is no finite number`;
  return fail("bad-cell", { file, row, column, problem, remedy: "Write a number such as -1.25, or remove the row." });
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
        `${file}: rows ${group.map((i) => passages[i]!.row).join(", ")} hold the same text; training keeps them on one side of the split.`,
    );
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 10).map((name) => (name === "" ? '""' : name));
  return names.length === 0
    ? "nothing"
    : shown.join(", ") + (names.length > shown.length ? ` and ${names.length - shown.length} more` : "");
}
