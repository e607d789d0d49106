import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CsvRow, createCsvParser } from "./csv.js";

function read(csv: string, size = 3): CsvRow[] {
  const parser = createCsvParser("a.csv");
  const rows: CsvRow[] = [];
  for (let begin = 0; begin < csv.length; begin += size) for (const row of parser.push(csv.slice(begin, begin + size))) rows.push(row);
  return [...rows, ...parser.end()];
}

const cellsOf = (csv: string) => read(csv).map(({ cells }) => cells);
const lost = expect.stringMatching(/^a quote opens a cell here and does not close it/);

/** The cells of good rows, and the numbers of bad ones. */
const outcome = (csv: string) => read(csv).map(({ cells, row, problem }) => (problem === undefined ? cells : row));

describe("createCsvParser", () => {
  it("reads back what was written with any quoting, delimiter, line ends and pieces", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", "b", " ", ",", ";", "\t", '"', "\n", "\r\n", "\r", "é"), maxLength: 6 });
    const row = fc.tuple(cell, cell, cell).filter((cells) => cells.some((cell) => cell.trim() !== ""));
    const end = fc.constantFrom("\n", "\r\n", "\r");
    const rows = fc.array(fc.tuple(row, fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), end));
    fc.assert(
      fc.property(rows, fc.constantFrom(",", ";", "\t"), fc.integer({ min: 1, max: 9 }), (rows, delimiter, size) => {
        const write = (cell: string, isQuoted: boolean) =>
          isQuoted || /[",;\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
        const lines = rows.map(([cells, quoted, end]) => cells.map((cell, i) => write(cell, quoted[i]!)).join(delimiter) + end);
        const csv = [["x", "y", "z"].join(delimiter), "\n", ...lines].join("");
        expect(read(csv, size).map(({ cells }) => cells)).toEqual([["x", "y", "z"], ...rows.map(([cells]) => cells)]);
      }),
    );
  });

  it("reads what csv-parse reads", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", "b", " ", ",", '"', "\n", "\r\n", "é"), maxLength: 6 });
    const rows = fc.array(fc.array(fc.tuple(cell, fc.boolean()), { minLength: 2, maxLength: 2 }));
    fc.assert(
      fc.property(rows, fc.constantFrom("\n", "\r\n"), fc.integer({ min: 1, max: 9 }), (rows, end, size) => {
        const write = ([cell, quoted]: [string, boolean]) => (quoted || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
        const csv = `h,i${end}${rows.map((row) => row.map(write).join(",") + end).join("")}`;
        const expected = parse(csv, { record_delimiter: end }) as unknown as string[][];
        const isBlank = (cells: string[], i: number) => i > 0 && rows[i - 1]!.every(([cell, quoted]) => !quoted && cell.trim() === "" && !/[\r\n]/.test(cell)) && cells.length > 0; // biome-ignore format: one line
        expect(read(csv, size).map(({ cells }) => cells)).toEqual(expected.filter((cells, i) => !isBlank(cells, i)));
      }),
    );
  });

  it("keeps stray quotes, and loses no row", () => {
    expect(cellsOf('id,text\n1,he said "hi"\n2,"b" x"y"\n3,"c" z\n4,""\n5,d "')).toEqual([
      ["id", "text"],
      ["1", 'he said "hi"'],
      ["2", 'b x"y"'],
      ["3", "c z"],
      ["4", ""],
      ["5", 'd "'],
    ]);
  });

  it("counts rows as a spreadsheet does, and skips blank ones", () => {
    expect(read('a,b\r\n\r\n1,"x\r\ny"\n   \n,\n2,z\n,,,\n \t\n')).toEqual([
      { cells: ["a", "b"], row: 1 },
      { cells: ["1", "x\r\ny"], row: 3 },
      { cells: ["2", "z"], row: 6 },
    ]);
    expect(cellsOf("a\rb\r")).toEqual([["a"], ["b"]]);
    expect(cellsOf('a\n""\n')).toEqual([["a"], [""]]);
    expect(cellsOf("\n \n a , b \n1,2")).toEqual([
      ["a", "b"],
      ["1", "2"],
    ]);
    for (const empty of ["", "\n", "  \r\n\r", '\n\n"']) expect(outcome(empty).filter(Array.isArray)).toEqual([]);
  });

  it("skips empty cells beyond the header, and reports other lengths", () => {
    expect(outcome("a,b,,\n1,2,,\n1,2\n1,2,,,,\n1,2,x\n1\n")).toEqual([["a", "b"], ["1", "2"], ["1", "2"], ["1", "2"], 5, 6]);
    expect(read("a,b\n1\n")[1]!.problem).toBe("it has 1 cell, and the header has 2");
  });

  it.each([
    ["a closing quote", '1,"A,0\n2,"B",0\n3,C,0\n', [2, ["2", "B", "0"], ["3", "C", "0"]]],
    ["a closing quote in an unquoted file", '1,"A,0\n2,B,0\n3,C,0\n', [2, ["2", "B", "0"], ["3", "C", "0"]]],
    ["a closing quote before a quote in a text", '1,"A,0\n2,he said "hi",0\n3,C,0', [2, ["2", 'he said "hi"', "0"], ["3", "C", "0"]]],
    ["a closing quote before speech that begins with a comma", '1,"A,0\n2,",  he said",0\n', [2, ["2", ",  he said", "0"]]],
    ["a closing quote where every cell has them", '"1","A,"0"\n"2","B","0"\n', [2, ["2", "B", "0"]]],
    ["an opening quote", '1,A",0\n2,"B",0\n', [["1", 'A"', "0"], ["2", "B", "0"]]], // biome-ignore format: one line
    ["several", '1,"A,0\n2,"B,0\n3,"C",0\n', [2, 3, ["3", "C", "0"]]],
    ["the last one", '1,"A\nB",0\n2,"C,0', [["1", "A\nB", "0"], 3]], // biome-ignore format: one line
  ] as const)("names the row that lost %s, and goes on after its line", (_, rows, expected) => {
    expect(outcome(`id,text,target\n${rows}`).slice(1)).toEqual(expected);
    for (const { problem } of read(`id,text,target\n${rows}`)) if (problem?.includes("quote")) expect(problem).toEqual(lost);
  });

  it("goes back at most once per line, however many quotes are missing", () => {
    // Each line is parsed a bounded number of times: if each went on to the end, this would take minutes.
    for (const line of ['a,"b\n', 'a,"b""\n', '","\n', '"a"b"\n', 'a"b,"\n', '"""a\n']) {
      const rows = read(`x,y\n${line.repeat(20_000)}`, 1 << 16);
      expect(rows.length).toBeGreaterThan(9_000);
    }
  });

  it("finds a missing quote in a file larger than the longest row", () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `${i},${"y".repeat(4000)}\n`);
    const rows = read(`a,b\n1,"x\n${lines.join("")}`, 1 << 20);
    expect(rows[1]).toMatchObject({ row: 2, problem: lost });
    expect(rows).toHaveLength(5002);
    expect(() => read(`a\n${"x".repeat(2 ** 24 + 1)}`, 1 << 20)).toThrow(/row 2 is longer than 16777216 characters/);
  });
});
