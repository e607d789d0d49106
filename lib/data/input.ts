import { closeSync, openSync, readSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fail, reason } from "../errors/errors.js";
import { checkFile, readFile, reading } from "../storage/files.js";
import { isZip, listZip, unzip, type ZipEntry } from "./zip.js";

/** In bytes: a csv is held in memory. */
const largestCsv = 2 ** 30;

export interface InputOptions {
  /** For people, if the file is missing: what was expected, and what to do. */
  readonly what: string;
  readonly remedy: string;
  /** The file of a zip to read. Default: its only csv, else its train.csv. */
  readonly member?: string | undefined;
  readonly limit?: number;
}

/**
 * The bytes of a csv, plain, gzipped or in a zip. The content of the file decides which.
 * @throws what readFile throws, csv-too-large, not-csv, bad-zip, which-csv
 */
export function readCsv(file: string, options: InputOptions, warn: (message: string) => void): Buffer {
  const { what, remedy, member, limit = largestCsv } = options;
  checkFile(file, what, remedy);
  checkSize(file, statSync(file).size, limit);
  const bytes = readFile(file, what, remedy);
  if (isZip(bytes)) return unzipCsv(file, bytes, { member, limit }, warn);
  if (member !== undefined) fail("which-csv", { file, problem: `is not a zip, which --file ${member} needs`, found: "a single file" });
  return isGzip(bytes) ? gunzip(file, bytes, limit) : bytes;
}

const pieceSize = 1 << 20;

/** Splits bytes, which may be too many for one string. */
export function* splitPieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
}

/** Whether the first bytes of a regular file are those of a zip or gzip file. @throws not-readable, file-failed */
export function isPacked(file: string): boolean {
  return reading(file, () => {
    const start = Buffer.alloc(4);
    const descriptor = openSync(file, "r");
    try {
      readSync(descriptor, start);
    } finally {
      closeSync(descriptor);
    }
    return isZip(start) || isGzip(start);
  });
}

const isGzip = (bytes: Buffer) => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** zlib verifies the checksum and size that a gzip file contains. */
function gunzip(file: string, bytes: Buffer, limit: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      return fail("csv-too-large", { file, bytes: `more than ${limit}`, limit });
    return fail("not-csv", { file, problem: `the gzip file is damaged (${reason(error)})` }, error);
  }
}

function checkSize(file: string, bytes: number, limit: number): void {
  if (bytes > limit) fail("csv-too-large", { file, bytes, limit });
}

type Choice = { readonly member: string | undefined; readonly limit: number };

function unzipCsv(file: string, zip: Buffer, { member, limit }: Choice, warn: (message: string) => void): Buffer {
  const files = listZip(file, zip).filter(({ name }) => !/(^|\/)(__MACOSX\/|\._)/.test(name));
  const entry = member === undefined ? chooseCsv(file, files, warn) : findMember(file, files, member);
  checkSize(file, entry.size, limit);
  return unzip(file, zip, entry);
}

function chooseCsv(file: string, files: readonly ZipEntry[], warn: (message: string) => void): ZipEntry {
  const tables = files.filter(({ name }) => /\.[ct]sv$/i.test(name));
  if (tables.length === 1) return tables[0]!;
  if (files.some(({ name }) => name === "xl/workbook.xml"))
    fail("not-csv", { file, problem: "it is an Excel workbook; save it as csv in Excel" });
  const [train, ...more] = tables.filter(({ name }) => baseName(name).toLowerCase() === "train.csv");
  const problem = tables.length === 0 ? "has no .csv file" : `has ${tables.length} .csv files`;
  if (train === undefined || more.length > 0) return fail("which-csv", { file, problem, found: listNames(files) });
  warn(`${file} has ${tables.length} .csv files; ${train.name} was read. Choose another with --file.`);
  return train;
}

function findMember(file: string, files: readonly ZipEntry[], member: string): ZipEntry {
  const exact = files.filter(({ name }) => name === member);
  const [entry, ...more] = exact.length > 0 ? exact : files.filter(({ name }) => baseName(name) === member);
  if (entry && more.length === 0) return entry;
  return fail("which-csv", { file, problem: `has ${entry ? "several files" : "no file"} ${member}`, found: listNames(files) });
}

const baseName = (name: string) => name.split(/[\\/]/).at(-1)!;

const listNames = (files: readonly ZipEntry[]) => list(files.map(({ name }) => name));

/** At most ten names, for a message. */
export function list(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const shown = names.slice(0, 10).map((name) => (name === "" ? '""' : name));
  return shown.join(", ") + (names.length > shown.length ? ` and ${names.length - shown.length} more` : "");
}
