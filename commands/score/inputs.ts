import { createReadStream, statSync } from "node:fs";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { globSync } from "tinyglobby";
import { isPacked, readCsv, splitPieces } from "../../lib/data/input.js";
import { fail, ReadabilityError, reason } from "../../lib/errors/errors.js";
import { checkFile, checkFolder, findKind } from "../../lib/storage/files.js";
import { formats, type InputFormat, type InputRecord } from "./records.js";

/** A file, or standard input as "-". */
export interface Input {
  readonly file: string;
  readonly format: InputFormat;
  /** In bytes; 0 if it is not known. */
  readonly size: number;
}

const endings: Readonly<Record<string, InputFormat>> = {
  ...{ txt: "txt", md: "md", markdown: "md", html: "html", htm: "html", docx: "docx" },
  ...{ jsonl: "jsonl", ndjson: "jsonl", csv: "csv", tsv: "csv", zip: "csv", gz: "csv" },
};
/** The endings of the files that are read in a folder. */
const inFolders = Object.keys(endings).filter((ending) => ending !== "zip" && ending !== "gz");

const expected = { what: "texts to score", remedy: "Give files, folders or patterns such as 'lessons/**/*.md', or - for standard input." };

/**
 * The files that arguments name: themselves, those in a folder and below it, or those that match a pattern.
 * @param format of all of them; by default as their names end
 * @throws no-file, no-texts, not-a-file, not-readable; usage for a file with another ending
 */
export function findInputs(names: readonly string[], format: InputFormat | undefined): Input[] {
  return names.flatMap((name): Input[] => {
    if (name === "-") return [{ file: name, format: format ?? "txt", size: 0 }];
    const kind = findKind(name);
    if (kind === "a folder") checkFolder(name, expected.what, expected.remedy);
    const pattern = kind === undefined ? name : kind === "a folder" ? join(name, "**").replaceAll("\\", "/") : undefined;
    if (pattern === undefined) return [openFile(name, format ?? chooseFormat(name))];
    const found = globSync(pattern, { ignore: ["**/node_modules/**"], expandDirectories: false }).toSorted();
    const files = found.filter((file) => format !== undefined || inFolders.includes(endingOf(file)));
    if (kind === undefined && found.length === 0) fail("no-file", { file: name, ...expected });
    if (files.length === 0) fail("no-texts", { place: name, endings: inFolders.join(", ") });
    return files.map((file) => openFile(file, format ?? chooseFormat(file)));
  });
}

function openFile(file: string, format: InputFormat): Input {
  checkFile(file, expected.what, expected.remedy);
  return { file, format, size: statSync(file).size };
}

const endingOf = (file: string) => extname(file).slice(1).toLowerCase();

function chooseFormat(file: string): InputFormat {
  const ending = endingOf(file);
  if (Object.hasOwn(endings, ending)) return endings[ending]!;
  const problem = `the name of ${file} does not end in ${Object.keys(endings).join(", ")}: give the format with --input`;
  return fail("usage", { problem, help: "readability score --help" });
}

interface ReadOptions {
  readonly column: string | undefined;
  /** The file of a zip. */
  readonly member: string | undefined;
  readonly warn: (message: string) => void;
  readonly onRead: (bytes: number) => void;
  /** Ends reading. */
  readonly signal: AbortSignal;
}

/**
 * The records of all inputs. With several inputs, one that cannot be read gives a record with the problem.
 * @throws what reading a single input throws
 */
export async function* readInputs(inputs: readonly Input[], options: ReadOptions): AsyncGenerator<InputRecord> {
  const isOne = inputs.length === 1;
  for (const input of inputs) {
    const { file, format } = input;
    const name = file === "-" ? "standard input" : file;
    const named = isOne ? {} : { file };
    try {
      const bytes = readBytes(openSource(input, options), name, options);
      for await (const record of formats[format]({ name, bytes, ...options })) yield { ...named, ...record };
    } catch (error) {
      if (isOne || options.signal.aborted || !(error instanceof ReadabilityError)) throw error;
      yield { ...named, problem: error.message };
    }
  }
}

/** @throws what readCsv throws */
function openSource({ file, format }: Input, { member, warn }: ReadOptions): Readable {
  if (file === "-") return process.stdin;
  if (format !== "csv" || (member === undefined && !isPacked(file))) return createReadStream(file);
  return Readable.from(splitPieces(readCsv(file, { ...expected, member }, warn)));
}

/** @throws file-failed */
async function* readBytes(source: Readable, file: string, { onRead, signal }: ReadOptions): AsyncGenerator<Buffer> {
  const end = () => source.destroy();
  signal.addEventListener("abort", end);
  try {
    for await (const bytes of source) {
      onRead((bytes as Buffer).length);
      yield bytes as Buffer;
    }
  } catch (error) {
    fail("file-failed", { file, action: "read", cause: reason(error) }, error);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
