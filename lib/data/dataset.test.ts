import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { root } from "../system/package-files.js";
import { readPassages } from "./dataset.js";

const folder = mkdtempSync(join(tmpdir(), "dataset-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "passages");

const place = (content: string | Uint8Array) => writeFileSync(file, content);
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

  it("reads past a byte order mark, and takes columns in any order", () => {
    place("\ufefftarget, excerpt \n1,One\n-2,Two\n");
    expect(read().passages).toEqual([
      { id: "2", excerpt: "One", target: 1, standardError: undefined, row: 2 },
      { id: "3", excerpt: "Two", target: -2, standardError: undefined, row: 3 },
    ]);
  });

  it("reads only the texts, whatever the other columns contain", () => {
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

  it("reads the named columns, and gives other columns another fingerprint", () => {
    place("ID,Text,Easiness,excerpt,target\na,One,1,Two,2\n");
    const named = readPassages(file, { targets: true, column: "text", target: "Easiness" });
    expect(named.passages).toEqual([{ id: "a", excerpt: "One", target: 1, standardError: undefined, row: 2 }]);
    expect(named.fingerprint).not.toBe(read().fingerprint);
    expect(readPassages(file, { targets: true, column: "excerpt", target: "target" })).toEqual(read());
    expect(() => readPassages(file, { targets: true, target: "grade" })).toThrow(/no column "grade"; found ID, Text, Easiness.*--target/);
  });

  it("warns about a text that occurs twice", () => {
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
    ["a quote that does not close", () => place(`${header}x,"open,1,\n`), /row 2: a quote opens a cell here and does not close it/],
    ["a row of another length", () => place(`${header}${good}x,Text,1\n`), /row 3: it has 3 cells, and the header has 4/],
    ["two columns of one name", () => place("excerpt,target,target\nOne,1,2\n"), /it has 2 columns "target"/],
    ["no column excerpt", () => place("id,text,target\nx,One,1\n"), /no column "excerpt"; found id, text, target\. Rename.*--column/],
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

  it("reads back any texts and numbers", () => {
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const text = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r\n", "é", "😀", " ") }).map((text) => `${text}.`);
    fc.assert(
      fc.property(fc.array(fc.record({ text, target: fc.double({ noNaN: true, noDefaultInfinity: true }) }), { minLength: 1 }), (rows) => {
        place(`excerpt,target\n${rows.map(({ text, target }) => `${quote(text)},${Object.is(target, -0) ? "-0" : target}\n`).join("")}`);
        expect(read().passages.map(({ excerpt, target }) => ({ text: excerpt, target }))).toEqual(rows);
      }),
    );
  });
});

const real = join(root, "..", "shared", "data", "commonlit", "train.csv.zip");

// The competition's rules do not allow its data in this repository.
it.skipIf(!existsSync(real))("reads the competition's data", () => {
  const { passages, warnings } = readPassages(real, { targets: true });
  expect(passages).toHaveLength(2834);
  expect(warnings.length).toBeLessThan(3);
  expect(passages.filter(({ standardError }) => standardError === 0).map(({ id, target }) => [id, target])).toEqual([["436ce79fe", 0]]);
});
