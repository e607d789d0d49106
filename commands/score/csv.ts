export interface CsvRow {
  readonly cells: readonly string[];
  /** Line in which it begins, from 1. */
  readonly line: number;
  /** Characters up to its end. */
  readonly position: number;
  /** Whether the input ended within quotes. */
  readonly unclosed: boolean;
}

/**
 * Rows of a csv that comes in pieces (RFC 4180), blank lines passed over. Stray quotes are taken as they are, as Python's csv takes
 * them: csv-parse, which the data set reader uses, is strict, and after one has lost the rows that follow.
 */
export async function* parseRows(pieces: AsyncIterable<string>): AsyncGenerator<CsvRow> {
  let [cells, cell]: [string[], string] = [[], ""];
  let [line, begin, position] = [1, 1, 0];
  let state = "start" as "start" | "plain" | "quoted" | "quote"; // of a cell; quote: after one that may end it
  let previous = "";

  function* takeRow(unclosed = false): Generator<CsvRow> {
    if (cells.length > 0 || cell !== "" || state !== "start") yield { cells: [...cells, cell], line: begin, position, unclosed };
    [cells, cell, state] = [[], "", "start"];
  }

  for await (const piece of pieces) {
    for (const character of piece) {
      position += character.length;
      const isEnd = character === "\n" || character === "\r";
      const isSecondHalf = character === "\n" && previous === "\r";
      previous = character;
      if (isEnd && !isSecondHalf) line++;
      if (state === "quoted") {
        if (character === '"') state = "quote";
        else cell += character;
      } else if (isEnd) {
        yield* takeRow();
        begin = line;
      } else if (character === ",") {
        cells.push(cell);
        [cell, state] = ["", "start"];
      } else if (character === '"' && state === "start") state = "quoted";
      else {
        // The second of two quotes stands for one, and the cell goes on.
        state = character === '"' && state === "quote" ? "quoted" : "plain";
        cell += character;
      }
    }
  }
  yield* takeRow(state === "quoted");
}
