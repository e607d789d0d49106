import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { formats, type InputRecord } from "./records.js";

const warnings: string[] = [];
beforeEach(() => void warnings.splice(0));

/** Reads `content` in pieces of `size` bytes. */
async function read(format: keyof typeof formats, content: string | Buffer, { column, size = 7 }: { column?: string; size?: number } = {}) {
  const whole = Buffer.from(content as string);
  async function* pieces() {
    for (let begin = 0; begin < whole.length; begin += size) yield whole.subarray(begin, begin + size);
  }
  const records: InputRecord[] = [];
  for await (const record of formats[format]({ name: "input", bytes: pieces(), column, warn: (message) => warnings.push(message) }))
    records.push(record);
  return records;
}

const texts = (records: readonly InputRecord[]) => records.map(({ text }) => text);
const anyText = fc.string({ unit: "grapheme", maxLength: 30 });

describe("txt", () => {
  it("is one text, without its byte order mark, however it is cut", async () => {
    expect(await read("txt", "\ufeffÄ text\nof two lines 🙂\n", { size: 1 })).toEqual([{ text: "Ä text\nof two lines 🙂\n" }]);
    expect(warnings).toEqual([]);
  });

  it("is read in another encoding with a warning, or refused", async () => {
    expect(await read("txt", Buffer.from("a caf\xe9", "latin1"), { size: 1 })).toEqual([{ text: "a café" }]);
    expect(warnings).toEqual([expect.stringMatching(/^input is not UTF-8; it was read as Windows-1252/)]);
    await expect(read("txt", Buffer.from("é \xe9", "latin1"))).resolves.toEqual([{ text: "é é" }]);
    await expect(read("txt", Buffer.from([0xc3, 0xa9, 0xe9]))).rejects.toMatchObject({ code: "bad-encoding" });
    await expect(read("txt", Buffer.from([0x61, 0, 1, 2]))).rejects.toMatchObject({ code: "not-csv" });
  });
});

describe("jsonl", () => {
  it("gives back what was written, however it is cut", async () => {
    const objects = fc.array(fc.record({ id: fc.oneof(fc.string(), fc.integer()), text: anyText }));
    await fc.assert(
      fc.asyncProperty(objects, fc.integer({ min: 1, max: 50 }), async (written, size) => {
        const records = await read("jsonl", written.map((object) => JSON.stringify(object)).join("\r\n"), { size });
        expect(records.map(({ id, text }) => ({ id, text }))).toEqual(written);
      }),
    );
  });

  it("prefers the field excerpt, and takes the one that is named", async () => {
    const line = '{"text": "t", "excerpt": "e", "other": "o", "id": "i"}';
    expect(texts(await read("jsonl", line))).toEqual(["e"]);
    expect(texts(await read("jsonl", line, { column: "other" }))).toEqual(["o"]);
    expect(texts(await read("jsonl", line, { column: "id" }))).toEqual(["i"]);
  });

  it("tells what is wrong with a line, and goes on", async () => {
    const latin = Buffer.from('{"text": "caf\xe9"}\n', "latin1");
    const lines = ['{"text": "a"}', "not json", "", "[1]", '{"id": 7, "text": 5}', '{"text": "z"}'].join("\n");
    const records = await read("jsonl", Buffer.concat([latin, Buffer.from(lines)]));
    expect(records.map(({ text, problem }) => text ?? problem)).toEqual([
      "line 1 is not UTF-8",
      "a",
      expect.stringContaining("line 3 is not valid JSON: "),
      "line 5 is not a JSON object",
      "line 6 has no text in the field excerpt or text",
      "z",
    ]);
    expect(records[4]!.id).toBe(7);
  });
});

describe("csv", () => {
  const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

  it("gives back what was written, however it is cut", async () => {
    const rows = fc.array(fc.tuple(anyText, anyText), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 50 }), async (written, size) => {
        const csv = ["id,text", ...written.map((cells) => cells.map(quote).join(","))].join("\r\n");
        const records = await read("csv", `\ufeff${csv}`, { size });
        expect(records.map(({ id, text }) => [id, text])).toEqual(written);
      }),
    );
  });

  it("prefers the column excerpt, and takes the one that is named", async () => {
    const csv = "text,excerpt, other\nt,e,o\n";
    expect(await read("csv", csv)).toEqual([{ text: "e" }]);
    expect(texts(await read("csv", csv, { column: "other" }))).toEqual(["o"]);
  });

  it("tells what is wrong with a row in its place, and goes on", async () => {
    const csv = 'ID,text\n1,a\n\n4,d,extra\n5\n6,"e\ne"\n7,"never closed\n8,f';
    const records = await read("csv", csv);
    expect(records.map(({ text, problem }) => text ?? problem)).toEqual([
      "a",
      "row 4: it has 3 cells, and the header has 2",
      "row 5: it has 1 cell, and the header has 2",
      "e\ne",
      expect.stringMatching(/^row 7: a quote opens a cell here and does not close it/),
      "f",
    ]);
    expect(records.map(({ id }) => id)).toEqual(["1", undefined, undefined, "6", undefined, "8"]);
  });

  it("refuses a file without the column or without rows, and reads another encoding", async () => {
    await expect(read("csv", "a,b\n1,2\n")).rejects.toMatchObject({ code: "no-column", message: expect.stringContaining("a, b") });
    await expect(read("csv", "text\n1\n", { column: "c" })).rejects.toMatchObject({ code: "no-column" });
    await expect(read("csv", "")).rejects.toMatchObject({ code: "no-rows" });
    expect(texts(await read("csv", Buffer.from("text\ncaf\xe9\n", "latin1")))).toEqual(["café"]);
    expect(warnings).toHaveLength(1);
  });
});
