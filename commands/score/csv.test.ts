import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRows } from "./csv.js";

async function read(csv: string, size = 3) {
  const rows: { cells: readonly string[]; line: number; unclosed: boolean }[] = [];
  async function* pieces() {
    for (let begin = 0; begin < csv.length; begin += size) yield csv.slice(begin, begin + size);
  }
  for await (const { cells, line, unclosed } of parseRows(pieces())) rows.push({ cells, line, unclosed });
  return rows;
}

const cellsOf = async (csv: string) => (await read(csv)).map(({ cells }) => cells);

describe("parseRows", () => {
  it("reads what csv-parse reads", async () => {
    const cell = fc.string({ unit: fc.constantFrom("a", "b", " ", ",", '"', "\n", "\r\n", "é"), maxLength: 6 });
    const rows = fc.array(fc.array(fc.tuple(cell, fc.boolean()), { minLength: 2, maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom("\n", "\r\n"), fc.integer({ min: 1, max: 9 }), async (rows, end, size) => {
        const write = ([cell, quoted]: [string, boolean]) => (quoted || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
        const csv = rows.map((row) => row.map(write).join(",") + end).join("");
        const expected = parse(csv, { relax_column_count: true, record_delimiter: end });
        expect((await read(csv, size)).map(({ cells }) => cells)).toEqual(expected);
      }),
    );
  });

  it("takes stray quotes as they are, and loses no row", async () => {
    expect(await cellsOf('1,he said "hi"\n2,"b" x"y"\n3,"c" z\n4,""\n5,d')).toEqual([
      ["1", 'he said "hi"'],
      ["2", 'b x"y"'],
      ["3", "c z"],
      ["4", ""],
      ["5", "d"],
    ]);
  });

  it("counts lines, passes over blank ones, and tells quotes that never end", async () => {
    expect(await read('a,b\r\n\r\n1,"x\r\ny"\n\n2,"z\n3,w\n')).toEqual([
      { cells: ["a", "b"], line: 1, unclosed: false },
      { cells: ["1", "x\r\ny"], line: 3, unclosed: false },
      { cells: ["2", "z\n3,w\n"], line: 6, unclosed: true },
    ]);
    expect(await cellsOf("a\rb\r")).toEqual([["a"], ["b"]]);
    expect(await cellsOf('""\n')).toEqual([[""]]);
    expect(await cellsOf("")).toEqual([]);
  });
});
