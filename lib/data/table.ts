import { createHash } from "node:crypto";
import { fail } from "../errors/errors.js";
import { type CsvRow, createCsvParser } from "./csv.js";
import { createDecoder } from "./decode.js";
import { type InputOptions, list, readCsv, splitPieces } from "./input.js";

/** Finds columns by name: an exact match first, then one in another case. */
interface Header {
  /** The index of a column, undefined if there is none. @throws not-csv if there are several */
  findIfThere(column: string): number | undefined;
  /** @throws no-column, and not-csv if there are several */
  find(column: string): number;
  /** The column of the texts: the one named, else excerpt, else (if `orText`) text. @throws as find */
  findText(column: string | undefined, orText: boolean): number;
}

export interface Table extends Header {
  readonly names: readonly string[];
  readonly rows: readonly TableRow[];
  /** Sentences for the user about how the file was read. */
  readonly warnings: readonly string[];
  /** sha256 in hex of the unpacked csv. */
  readonly fingerprint: string;
  /** The finite number in a cell; where semicolons or tabs separate the cells, a comma may stand for the point. @throws bad-cell */
  readNumber(row: TableRow, column: number): number;
}

interface TableRow {
  /** One for each name. */
  readonly cells: readonly string[];
  /** Numbered as in a spreadsheet: the header is row 1. */
  readonly row: number;
}

/**
 * Reads a whole csv. See docs/files.md.
 * @throws bad-encoding, bad-row, no-rows, and what readCsv throws
 */
export function readTable(file: string, options: InputOptions): Table {
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const bytes = readCsv(file, options, warn);
  const [decoder, parser] = [createDecoder(file, warn), createCsvParser(file)];
  const all: TableRow[] = [];
  const take = (rows: Iterable<CsvRow>) => {
    for (const { problem, ...row } of rows) {
      if (problem !== undefined) fail("bad-row", { file, row: row.row, problem });
      all.push(row);
    }
  };
  for (const piece of splitPieces(bytes)) take(parser.push(decoder.push(piece)));
  take(parser.push(decoder.end()));
  take(parser.end());
  const [header, ...rows] = all;
  if (header === undefined || rows.length === 0) return fail("no-rows", { file });
  return {
    ...readHeader(file, header.cells),
    names: header.cells,
    rows,
    warnings,
    fingerprint: createHash("sha256").update(bytes).digest("hex"),
    readNumber: ({ cells, row }, column) =>
      readNumber(file, row, header.cells[column]!, parser.delimiter === "," ? cells[column]! : cells[column]!.replace(",", ".")),
  };
}

export function readHeader(file: string, names: readonly string[]): Header {
  const findIfThere = (column: string) => {
    const exact = names.filter((name) => name === column);
    const matches = (name: string) => (exact.length > 0 ? name === column : name.toLowerCase() === column.toLowerCase());
    const [index, ...more] = [...names.keys()].filter((i) => matches(names[i]!));
    if (more.length > 0) fail("not-csv", { file, problem: `it has ${more.length + 1} columns ${JSON.stringify(column)}` });
    return index;
  };
  const find = (column: string) => {
    const remedy = "Rename a column, or choose yours with --column (texts) or --target (labels; for optimization --label-column).";
    return findIfThere(column) ?? fail("no-column", { file, column, found: list(names), remedy });
  };
  return {
    findIfThere,
    find,
    findText: (column, orText) =>
      (column === undefined && orText ? (findIfThere("excerpt") ?? findIfThere("text")) : undefined) ?? find(column ?? "excerpt"),
  };
}

function readNumber(file: string, row: number, column: string, text: string): number {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  const problem = text.trim() === "" ? "the cell is blank" : `${JSON.stringify(text.slice(0, 40))} is not a finite number`;
  return fail("bad-cell", { file, row, column, problem, remedy: "Enter a number such as -1.25, or remove the row." });
}
