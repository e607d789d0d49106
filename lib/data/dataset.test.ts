import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { strToU8, type Zippable, zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { root } from "../system/package-files.js";
import { readPassages } from "./dataset.js";

const folder = mkdtempSync(join(tmpdir(), "dataset-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "passages");

const place = (content: string | Uint8Array) => writeFileSync(file, content);
const zip = (files: Zippable) => place(zipSync(files));
const read = () => readPassages(file, { targets: true });

describe("readPassages", () => {
  const csv =
    "id,url_legal,license,excerpt,target,standard_error\r\n" +
    'a1,,,"Two\nlines, ""quoted""",-0.5,0.46\r\n' +
    "\r\n" +
    "a2,http://x,CC,Plain é text,1e-1,\r\n" +
    "a3,,,The reference,0.0,0.0\r\n";
  const expected = [
    { id: "a1", excerpt: 'Two\nlines, "quoted"', target: -0.5, standardError: 0.46, row: 2 },
    { id: "a2", excerpt: "Plain é text", target: 0.1, standardError: undefined, row: 4 },
    { id: "a3", excerpt: "The reference", target: 0, standardError: 0, row: 5 },
  ];
  const fingerprint = createHash("sha256").update(csv).digest("hex");

  it("reads a csv with quoted newlines and blank lines; rows count as in a spreadsheet", () => {
    place(csv);
    expect(read()).toEqual({ passages: expected, warnings: [], fingerprint });
  });

  it("reads the only csv of a zip, in a folder too, past what macOS adds", () => {
    const junk = {
      "__MACOSX/data/._train.csv": strToU8("x"),
      "data/._train.csv": strToU8("x"),
      "data/": new Uint8Array(0),
      "README.md": strToU8("x"),
    };
    zip({ ...junk, "data/train.CSV": strToU8(csv) });
    expect(read()).toEqual({ passages: expected, warnings: [], fingerprint });
    place(zipSync({ "train.csv": [strToU8(csv), { level: 0 }] }));
    expect(read().passages).toEqual(expected);
  });

  it("reads past a byte order mark, and takes columns in any order", () => {
    place("\ufefftarget, excerpt \n1,One\n-2,Two\n");
    expect(read().passages).toEqual([
      { id: "2", excerpt: "One", target: 1, standardError: undefined, row: 2 },
      { id: "3", excerpt: "Two", target: -2, standardError: undefined, row: 3 },
    ]);
  });

  it("reads texts alone, whatever the other columns hold", () => {
    place("id,text,target\nx,One,nan\nx,Two,\n");
    const { passages } = readPassages(file, { targets: false });
    expect(passages.map(({ excerpt, target }) => [excerpt, target])).toEqual([
      ["One", Number.NaN],
      ["Two", Number.NaN],
    ]);
    expect(readPassages(file, { targets: false, column: "id" }).passages[0]!.excerpt).toBe("x");
    place("text,excerpt\nOne,Two\n");
    expect(readPassages(file, { targets: false }).passages[0]!.excerpt).toBe("Two");
  });

  it("warns of a text that comes twice", () => {
    place("excerpt,target\nSame,1\nOther,2\nSame ,3\n");
    expect(read().passages).toHaveLength(3);
    expect(read().warnings).toEqual([expect.stringMatching(/rows 2, 4 have the same text/)]);
  });

  const header = "id,excerpt,target,standard_error\n";
  const good = "g,Good,1,\n";
  const cases: readonly (readonly [what: string, place: () => void, message: RegExp])[] = [
    ["a missing file", () => rmSync(file, { force: true }), /not found: expected a CSV.*Put your labelled passages there.*--data/],
    ["an empty file", () => place(""), /has no passages/],
    ["a header alone", () => place(header), /has no passages/],
    [
      "a zip without a csv",
      () => zip({ "a.txt": strToU8("x"), "b/c.json": strToU8("{}") }),
      /exactly one \.csv.*found a\.txt, b\/c\.json\./,
    ],
    ["a zip of two", () => zip({ "a.csv": strToU8(csv), "b.csv": strToU8(csv) }), /exactly one \.csv.*a\.csv, b\.csv/],
    ["an empty zip", () => zip({}), /found nothing/],
    ["a damaged zip", () => place(zipSync({ "a.csv": strToU8(csv.repeat(50)) }).subarray(0, 60)), /zip is damaged/],
    ["another kind of file", () => place(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0)), /neither a zip nor UTF-8 text/],
    ["another encoding", () => place(Buffer.from("excerpt,target\ncaf\xe9,1\n", "latin1")), /neither a zip nor UTF-8 text/],
    ["UTF-16", () => place(Buffer.from("\ufeffexcerpt,target\nOne,1\n", "utf16le")), /neither a zip nor UTF-8 text/],
    ["a quote that does not close", () => place(`${header}x,"open,1,\n`), /Cannot read .* as CSV: Quote Not Closed/],
    ["a row of another length", () => place(`${header}${good}x,Text,1\n`), /Invalid Record Length.*line 3/],
    ["no column excerpt", () => place("id,text,target\nx,One,1\n"), /no column "excerpt"; found id, text, target\. Rename/],
    ["no column target", () => place("id;excerpt;target\nx;One;1\n"), /no column "excerpt"; found id;excerpt;target.*commas/],
    ["no targets", () => place("excerpt\nOne\n"), /no column "target"; found excerpt\./],
    ["a blank target", () => place(`${header}${good}x,Text, ,\n`), /row 3, column "target": the cell is blank\. Enter a number/],
    ["a target that is NaN", () => place(`${header}x,Text,NaN,\n`), /row 2, column "target": "NaN" is not a finite number/],
    ["an infinite target", () => place(`${header}x,Text,-inf,\n`), /"-inf" is not a finite number/],
    ["a target too large", () => place(`${header}x,Text,1e999,\n`), /"1e999" is not a finite number/],
    ["a hexadecimal target", () => place(`${header}x,Text,0x10,\n`), /"0x10" is not a finite number/],
    ["a decimal comma", () => place(`${header}x,Text,"1,5",\n`), /"1,5" is not a finite number/],
    [
      "a standard error that is no number",
      () => place(`${header}x,Text,1,?\n`),
      /row 2, column "standard_error": "\?" is not a finite number/,
    ],
    ["an empty excerpt", () => place(`${header}${good}x," \n",1,\n`), /row 3, column "excerpt": the cell is blank\. Fill in/],
    ["an id that comes twice", () => place(`${header}${good}x,Text,1,\ng,More,2,\n`), /row 4, column "id": "g" is also the id of row 2/],
  ];
  it.each(cases)("refuses %s", (_, place, message) => {
    place();
    expect(read).toThrow(message);
    expect(read).toThrow(file);
  });

  it("refuses what would unpack to more than 1 GiB, by what the zip declares", () => {
    const bytes = zipSync({ "a.csv": strToU8("excerpt,target\nOne,1\n") });
    const directory = Buffer.from(bytes.buffer).indexOf("PK\u0001\u0002");
    Buffer.from(bytes.buffer).writeUInt32LE(2 ** 30 + 1, directory + 24);
    place(bytes);
    expect(read).toThrow(/has 1073741825 bytes; the limit is 1073741824/);
  });

  it("unpacks no more than the zip declares", () => {
    const bytes = zipSync({ "a.csv": strToU8(`excerpt,target\nOne,1\n${"x".repeat(1e6)}`) });
    const directory = Buffer.from(bytes.buffer).indexOf("PK\u0001\u0002");
    Buffer.from(bytes.buffer).writeUInt32LE(21, directory + 24);
    place(bytes);
    expect(read().passages.map(({ excerpt }) => excerpt)).toEqual(["One"]);
  });

  it("reads back any texts and numbers, or refuses bytes with a reason", () => {
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const text = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r\n", "é", "😀", " ") }).map((text) => `${text}.`);
    fc.assert(
      fc.property(fc.array(fc.record({ text, target: fc.double({ noNaN: true, noDefaultInfinity: true }) }), { minLength: 1 }), (rows) => {
        place(`excerpt,target\n${rows.map(({ text, target }) => `${quote(text)},${Object.is(target, -0) ? "-0" : target}\n`).join("")}`);
        expect(read().passages.map(({ excerpt, target }) => ({ text: excerpt, target }))).toEqual(rows);
      }),
    );
    const start = fc.constantFrom("", "PK\u0003\u0004", "excerpt,target\n");
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 100 }), (start, bytes) => {
        place(Buffer.concat([Buffer.from(start), bytes]));
        try {
          read();
        } catch (error) {
          expect(error).toMatchObject({ name: "ReadabilityError" });
        }
      }),
    );
  });
});

const real = join(root, "..", "shared", "data", "commonlit", "train.csv.zip");

it.skipIf(!existsSync(real))("reads the competition's data", () => {
  const { passages, warnings } = readPassages(real, { targets: true });
  expect(passages).toHaveLength(2834);
  expect(warnings.length).toBeLessThan(3);
  expect(passages.filter(({ standardError }) => standardError === 0).map(({ id, target }) => [id, target])).toEqual([["436ce79fe", 0]]);
});
