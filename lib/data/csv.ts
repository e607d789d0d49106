import { fail } from "../errors/errors.js";
import { count } from "../errors/plural.js";

export interface CsvRow {
  readonly cells: readonly string[];
  /** As a spreadsheet counts: the header is row 1, and blank lines are rows too. */
  readonly row: number;
  /** What is wrong with the row. If set, ignore its cells. */
  readonly problem?: string;
}

/** Parses a csv that arrives in pieces. The first row is the header, with its names trimmed. */
interface CsvParser {
  /** The rows that this piece completes. @throws not-csv */
  push(piece: string): Iterable<CsvRow>;
  /** The remaining rows. @throws not-csv */
  end(): Iterable<CsvRow>;
  /** The separator of cells: the most frequent of comma, semicolon and tab in the header. */
  readonly delimiter: string;
}

const delimiters = [",", ";", "\t"] as const;
/** In characters. In a longer row a quote is missing, or the file is not a csv. */
const longestRow = 2 ** 24;
const longestHeader = 2 ** 20;

/**
 * An RFC 4180 parser that tolerates common deviations. Lines end in LF, CR LF or CR. A quote inside an unquoted cell is an ordinary
 * character. Blank rows are skipped, and so are empty cells beyond the header.
 *
 * A quote is missing if a quoted cell does not end, or if a row has a quoted cell that spans lines, followed by a quote inside a cell.
 * Such a row gets a problem, and parsing continues on the line after the opening quote.
 */
export function createCsvParser(file: string): CsvParser {
  let text = ""; // from the start of the incomplete row
  let [begin, at] = [0, 0]; // where that row begins, and where parsing continues
  let row = 1;
  let width: number | undefined; // number of cells in the header
  let [delimiter, special] = ["", /./g];
  let [cells, cell] = [[] as string[], ""];
  let [isOpen, isQuoted, rowHasQuotes, quoteAt] = [false, false, false, 0];
  let spanAt: number | undefined; // the opening quote of the row's first cell that spans lines

  function* parse(isEnd: boolean): Generator<CsvRow> {
    if (delimiter === "") {
      const header = findHeader(text) ?? (isEnd || text.length > longestHeader ? text : undefined);
      if (header === undefined) return;
      delimiter = detectDelimiter(header);
      special = new RegExp(`["\\r\\n${delimiter}]`, "g");
    }
    for (;;) {
      yield* parseComplete(isEnd);
      if (isOpen && (isEnd || text.length - begin > longestRow)) yield loseQuote(quoteAt);
      else break;
    }
    if (isEnd && at > begin) yield* finishRow();
    if (at - begin > longestRow) fail("not-csv", { file, problem: `row ${row} is longer than ${longestRow} characters` });
    text = text.slice(begin);
    [at, quoteAt, spanAt, begin] = [at - begin, quoteAt - begin, spanAt === undefined ? undefined : spanAt - begin, 0];
  }

  /** Parses the available text. A character whose meaning depends on the next one waits for it. */
  function* parseComplete(isEnd: boolean): Generator<CsvRow> {
    const waits = () => at + 1 === text.length && !isEnd;
    while (at < text.length) {
      const end = isOpen ? text.indexOf('"', at) : findSpecial();
      cell += text.slice(at, end === -1 ? text.length : end);
      at = end === -1 ? text.length : end;
      const character = text[at];
      if (isOpen && character === '"') {
        if (waits()) return;
        const next = text[++at];
        if (next === '"') {
          cell += text[at++];
          continue;
        }
        isOpen = false;
        const endsCell = next === undefined || next === delimiter || next === "\n" || next === "\r";
        if (/[\r\n]/.test(cell)) spanAt ??= quoteAt;
        if (!endsCell && spanAt !== undefined) yield loseQuote(spanAt);
      } else if (character === '"') {
        at++;
        if (!isQuoted && cell === "") [isOpen, isQuoted, rowHasQuotes, quoteAt] = [true, true, true, at];
        else if (spanAt === undefined) cell += character;
        else yield loseQuote(spanAt);
      } else if (character === delimiter) {
        at++;
        cells.push(cell);
        [cell, isQuoted] = ["", false];
      } else if (character !== undefined) {
        if (character === "\r" && waits()) return;
        at += text.startsWith("\r\n", at) ? 2 : 1;
        yield* finishRow();
      }
    }
  }

  function findSpecial(): number {
    special.lastIndex = at;
    return special.exec(text)?.index ?? -1;
  }

  function* finishRow(): Generator<CsvRow> {
    const found = [...cells, cell];
    const isBlank = !rowHasQuotes && found.every(isBlankCell);
    const number = startRow();
    if (isBlank) return;
    if (width === undefined) {
      const names = found.map((name) => name.trim());
      width = names.findLastIndex((name) => name !== "") + 1;
      yield { cells: names.slice(0, width), row: number };
    } else if (found.length >= width && found.slice(width).every(isBlankCell)) yield { cells: found.slice(0, width), row: number };
    else yield { cells: found, row: number, problem: `it has ${count(found.length, "cell")}, and the header has ${width}` };
  }

  /** Goes back to the line after the opening quote. */
  function loseQuote(opening: number): CsvRow {
    const lineEnd = /\r\n|\n|\r/g;
    lineEnd.lastIndex = opening;
    at = lineEnd.exec(text) ? lineEnd.lastIndex : text.length;
    return { cells: [], row: startRow(), problem: "a quote opens a cell here and does not close it; a quote in the text must be doubled" };
  }

  /** @returns the number of the row that has ended */
  function startRow(): number {
    [cells, cell, isOpen, isQuoted, rowHasQuotes, spanAt, begin] = [[], "", false, false, false, undefined, at];
    return row++;
  }

  return {
    push(piece) {
      text += piece;
      return parse(false);
    },
    end: () => parse(true),
    get delimiter() {
      return delimiter;
    },
  };
}

const isBlankCell = (cell: string) => cell.trim() === "";

/** The first line with text, including line ends within quotes; undefined if it has not ended. */
function findHeader(text: string): string | undefined {
  const begin = text.search(/\S/);
  let isOpen = false;
  for (let i = begin; i !== -1 && i < text.length; i++) {
    if (text[i] === '"') isOpen = !isOpen;
    else if (!isOpen && (text[i] === "\n" || text[i] === "\r")) return text.slice(begin, i);
  }
  return undefined;
}

function detectDelimiter(header: string): string {
  const outside = header.replace(/"[^"]*"/g, "");
  const frequency = (delimiter: string) => outside.split(delimiter).length;
  return delimiters.reduce((best: string, other) => (frequency(other) > frequency(best) ? other : best), delimiters[0]);
}
