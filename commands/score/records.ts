import { isUtf8 } from "node:buffer";
import { createCsvParser } from "../../lib/data/csv.js";
import { createDecoder } from "../../lib/data/decode.js";
import { type Prose, readDocx, readHtml, readMarkdown } from "../../lib/data/prose.js";
import { readHeader } from "../../lib/data/table.js";
import { fail, reason } from "../../lib/errors/errors.js";

/** A text to score, or the problem in its place. */
export interface InputRecord {
  /** Of several. */
  readonly file?: string;
  readonly id?: string | number;
  readonly text?: string;
  readonly problem?: string;
}

interface Input {
  /** Name of the input, for errors. */
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** The column (csv) or field (jsonl) of the texts. Default: excerpt, else text. */
  readonly column: string | undefined;
  /** Called with a message if the input is not read as one would expect. */
  readonly warn: (message: string) => void;
}

export const inputFormats = ["txt", "md", "html", "docx", "jsonl", "csv"] as const;

export type InputFormat = (typeof inputFormats)[number];

/** The reader of each format. Those of many texts stream, because a file may be larger than memory. */
export const formats: Readonly<Record<InputFormat, (input: Input) => AsyncIterable<InputRecord>>> = {
  async *txt(input) {
    yield { text: await readText(input) };
  },
  md: (input) => readProse(input, async () => readMarkdown(input.name, await readText(input))),
  html: (input) => readProse(input, async () => readHtml(input.name, await readText(input))),
  docx: (input) => readProse(input, async () => readDocx(input.name, await readAll(input))),
  jsonl: readLines,
  csv: readRows,
};

/** The whole input is one text. @throws bad-encoding, not-csv */
async function readText(input: Input): Promise<string> {
  let text = "";
  for await (const piece of decode(input)) text += piece;
  return text;
}

/** In bytes: a document is held in memory. */
const largestDocument = 64 << 20;

/** @throws file-too-large */
async function readAll({ name, bytes }: Input): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    size += piece.length;
    if (size > largestDocument) fail("file-too-large", { file: name, bytes: `more than ${largestDocument}`, limit: largestDocument });
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The prose of a document is one text. @throws bad-document */
async function* readProse({ name, warn }: Input, read: () => Promise<Prose>): AsyncGenerator<InputRecord> {
  const { text, left } = await read();
  if (left.length > 0) warn(`${name}: ${left.join(" and ")} left out`);
  yield { text };
}

/** Each row of a csv has a text. @throws bad-encoding, not-csv, no-column, no-rows */
async function* readRows(input: Input): AsyncGenerator<InputRecord> {
  const { name, column } = input;
  const parser = createCsvParser(name);
  let columns: { readonly text: number; readonly id: number | undefined } | undefined;
  function* take(rows: ReturnType<typeof parser.push>): Generator<InputRecord> {
    for (const { cells, row, problem } of rows) {
      if (columns === undefined) {
        const header = readHeader(name, cells);
        columns = { text: header.findText(column, true), id: header.findIfThere("id") };
      } else if (problem !== undefined) yield { problem: `row ${row}: ${problem}` };
      else yield { text: cells[columns.text]!, ...(columns.id === undefined ? {} : { id: cells[columns.id]! }) };
    }
  }
  for await (const piece of decode(input)) yield* take(parser.push(piece));
  yield* take(parser.end());
  if (columns === undefined) fail("no-rows", { file: name });
}

async function* decode({ name, bytes, warn }: Input): AsyncGenerator<string> {
  const decoder = createDecoder(name, warn);
  for await (const chunk of bytes) yield decoder.push(chunk);
  yield decoder.end();
}

/** Each line is a JSON object with a text; blank lines are skipped. */
async function* readLines({ bytes, column }: Input): AsyncGenerator<InputRecord> {
  let row = 0;
  for await (const line of splitLines(bytes)) {
    row++;
    const isBlankLine = line.every((byte) => byte <= 0x20);
    if (!isBlankLine) yield readLine(line, row, column);
  }
}

function readLine(line: Buffer, row: number, column: string | undefined): InputRecord {
  if (!isUtf8(line)) return { problem: `line ${row} is not UTF-8` };
  let value: unknown;
  try {
    value = JSON.parse(line.toString().replace(/^\ufeff/, ""));
  } catch (error) {
    return { problem: `line ${row} is not valid JSON: ${reason(error)}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { problem: `line ${row} is not a JSON object` };
  const { id, ...fields } = value as Record<string, unknown>;
  const known = typeof id === "string" || typeof id === "number" ? { id } : {};
  const text = column === undefined ? (fields.excerpt ?? fields.text) : column === "id" ? id : fields[column];
  if (typeof text === "string") return { ...known, text };
  return { ...known, problem: `line ${row} has no text in the field ${column ?? "excerpt or text"}` };
}

/** Lines without their ends. */
async function* splitLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pieces: Uint8Array[] = []; // of the incomplete line
  for await (const chunk of bytes) {
    let begin = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, begin)) {
      yield Buffer.concat([...pieces, chunk.subarray(begin, end)]);
      pieces = [];
      begin = end + 1;
    }
    if (begin < chunk.length) pieces.push(chunk.subarray(begin));
  }
  if (pieces.length > 0) yield Buffer.concat(pieces);
}
