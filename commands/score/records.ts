import { isUtf8 } from "node:buffer";
import { fail, reason } from "../../lib/errors/errors.js";
import { type CsvRow, parseRows } from "./csv.js";

/** A text to score, or what is wrong with its place in the input. */
export interface InputRecord {
  readonly id?: string | number;
  readonly text?: string;
  readonly problem?: string;
  /** How far into the input it ends: bytes, or characters of a csv. */
  readonly position: number;
}

export interface Input {
  /** For errors. */
  readonly name: string;
  readonly bytes: AsyncIterable<Buffer>;
  readonly column: string | undefined;
}

/** How each format is read, piece by piece: a file may be larger than memory. */
export const formats = { txt: readText, jsonl: readLines, csv: readTable } as const;

/** @throws not-utf8 */
async function* readText({ name, bytes }: Input): AsyncGenerator<InputRecord> {
  let text = "";
  let length = 0;
  for await (const piece of decode(name, bytes, (count) => (length += count))) text += piece;
  yield { text, position: length };
}

async function* readLines({ bytes, column }: Input): AsyncGenerator<InputRecord> {
  let row = 0;
  let end = 0;
  for await (const line of splitLines(bytes)) {
    row++;
    end += line.length;
    const isBlankLine = line.every((byte) => byte <= 0x20);
    if (!isBlankLine) yield { ...readLine(line, row, column), position: end };
  }
}

function readLine(line: Buffer, row: number, column: string | undefined): Omit<InputRecord, "position"> {
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

/** Lines with their ends. */
async function* splitLines(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = []; // of the line that is not complete
  for await (const chunk of bytes) {
    let begin = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, begin)) {
      yield Buffer.concat([...pieces, chunk.subarray(begin, end + 1)]);
      pieces = [];
      begin = end + 1;
    }
    if (begin < chunk.length) pieces.push(chunk.subarray(begin));
  }
  if (pieces.length > 0) yield Buffer.concat(pieces);
}

/** @throws not-utf8, no-column, no-rows */
async function* readTable({ name, bytes, column }: Input): AsyncGenerator<InputRecord> {
  let find: ReturnType<typeof createFinder> | undefined;
  for await (const row of parseRows(decode(name, bytes))) {
    if (find) yield { ...find(row), position: row.position };
    else find = createFinder(name, row.cells, column);
  }
  if (find === undefined) fail("no-rows", { file: name });
}

function createFinder(name: string, header: readonly string[], column: string | undefined) {
  const names = header.map((cell) => cell.trim());
  const wanted = column ?? (names.includes("excerpt") || !names.includes("text") ? "excerpt" : "text");
  const [text, id] = [names.indexOf(wanted), names.indexOf("id")];
  const remedy = "Name the text column with --column; columns are separated by commas.";
  if (text === -1) fail("no-column", { file: name, column: wanted, found: names.join(", "), remedy });
  return ({ cells, line, unclosed }: CsvRow): Omit<InputRecord, "position"> => {
    if (unclosed) return { problem: `the quotes opened in the row at line ${line} never close` };
    if (cells.length !== names.length)
      return { problem: `the row at line ${line} and the header differ in length: ${cells.length} and ${names.length} cells` };
    return { text: cells[text]!, ...(id === -1 ? {} : { id: cells[id]! }) };
  };
}

/** Text without a byte order mark. @throws not-utf8 */
async function* decode(name: string, bytes: AsyncIterable<Buffer>, count: (bytes: number) => void = () => {}): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const piece = (bytes?: Buffer) => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (error) {
      return fail("not-utf8", { file: name }, error);
    }
  };
  for await (const chunk of bytes) {
    count(chunk.length);
    yield piece(chunk);
  }
  yield piece();
}
