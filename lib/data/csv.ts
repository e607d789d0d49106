import { isUtf8 } from "node:buffer";
import { CsvError, type Info, parse } from "csv-parse/sync";
import { unzipSync } from "fflate";
import { fail, reason } from "../errors/errors.js";
import { readFile } from "../storage/files.js";

const largestCsv = 2 ** 30;

export interface CsvRecord {
  readonly cells: readonly string[];
  /** As a spreadsheet counts: the header is row 1. */
  readonly row: number;
}

/**
 * The csv's bytes, whether the file is one or a zip that holds one; told by its content.
 * @param what and remedy: for people, where the file is not there
 * @throws no-file, file-failed, no-rows, not-csv, not-csv-zip, csv-too-large
 */
export function readCsv(file: string, what: string, remedy: string): Uint8Array {
  const bytes = readFile(file, what, remedy);
  if (bytes.length === 0) fail("no-rows", { file });
  const csv = bytes.subarray(0, 2).toString("latin1") === "PK" ? unzipCsv(file, bytes) : bytes;
  if (csv.length > largestCsv) fail("csv-too-large", { file, bytes: csv.length, limit: largestCsv });
  if (!isUtf8(csv) || csv.includes(0)) fail("not-csv", { file, problem: "it is neither a zip nor UTF-8 text" });
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

/** Rows of a csv, the header first. @throws not-csv */
export function parseCsv(file: string, csv: Uint8Array): CsvRecord[] {
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

/** Finds columns by name. @throws no-column */
export function createFinder(file: string, names: readonly string[]): (column: string) => number {
  return (column) => {
    const index = names.indexOf(column);
    const remedy = "Rename a column; columns are separated by commas.";
    return index === -1 ? fail("no-column", { file, column, found: list(names), remedy }) : index;
  };
}

/** The finite number in a cell. @throws bad-cell */
export function readNumber(file: string, row: number, column: string, text: string): number {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  const problem = text.trim() === "" ? "the cell is blank" : `${JSON.stringify(text.slice(0, 40))} is not a finite number`;
  return fail("bad-cell", { file, row, column, problem, remedy: "Enter a number such as -1.25, or remove the row." });
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 10).map((name) => (name === "" ? '""' : name));
  return names.length === 0
    ? "nothing"
    : shown.join(", ") + (names.length > shown.length ? ` and ${names.length - shown.length} more` : "");
}
