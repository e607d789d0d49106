import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { strToU8, zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { readPassages } from "./dataset.js";
import { readCsv } from "./input.js";

const folder = mkdtempSync(join(tmpdir(), "files-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "passages");

const read = (bytes: string | Uint8Array, options: { readonly file?: string } = {}) => {
  writeFileSync(file, bytes);
  const { passages, warnings } = readPassages(file, { targets: true, ...options });
  return { rows: passages.map(({ id, excerpt, target }) => [id, excerpt, target]), warnings };
};

const csv = "id,excerpt,target\na,One,1.5\nb,Café “two”,-2\n";
const rows = [
  ["a", "One", 1.5],
  ["b", "Café “two”", -2],
];
const other = "id,excerpt\nc,Three\n";
const utf16be = (text: string) => Buffer.from(text, "utf16le").swap16();
/** A passage in the bytes of Windows-1252. */
const windows1252 = Buffer.from(csv.replaceAll("“", "\x93").replaceAll("”", "\x94"), "latin1");
const zip = (files: Readonly<Record<string, string>>) =>
  Buffer.from(zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)]))));
const stored = () => Buffer.from(zipSync({ "train.csv": [strToU8(csv), { level: 0 }] }));
const central = (zip: Buffer) => zip.indexOf("PK\x01\x02", 0, "latin1");

/** The bytes with one value changed, `at` bytes into the record of the central directory. */
function patch(zip: Buffer, at: number, value: number): Buffer {
  zip.writeUInt32LE(value, central(zip) + at);
  return zip;
}

// Written by Python's zipfile, of one passage: as a stream (sizes after the data), and with the sizes and offsets of zip64.
const streamed =
  "UEsDBC0ACAAAAAAAIQAAAAAA//////////8JABQAdHJhaW4uY3N2AQAQAAAAAAAAAAAAAAAAAAAAAABpZCxleGNlcnB0LHRhcmdldAp4LE9uZSwxClBLBwi17Me3GgAAAAAAAAAaAAAAAAAAAFBLAQItAy0ACAAAAAAAIQC17Me3GgAAABoAAAAJAAAAAAAAAAAAAACAAQAAAAB0cmFpbi5jc3ZQSwUGAAAAAAEAAQA3AAAAbQAAAAAA";
const zip64 =
  "UEsDBC0AAAAAAAAAIQCSKmun//////////8FABQAYS50eHQBABAAGAAAAAAAAAAYAAAAAAAAAHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eFBLAwQtAAAAAAAAACEAtezHt///////////CQAUAHRyYWluLmNzdgEAEAAaAAAAAAAAABoAAAAAAAAAaWQsZXhjZXJwdCx0YXJnZXQKeCxPbmUsMQpQSwECLQMtAAAAAAAAACEAkiprp///////////BQAUAAAAAAAAAAAAgAEAAAAAYS50eHQBABAAGAAAAAAAAAAYAAAAAAAAAFBLAQItAy0AAAAAAAAAIQC17Me3//////////8JABwAAAAAAAAAAACAAf////90cmFpbi5jc3YBABgAGgAAAAAAAAAaAAAAAAAAAE8AAAAAAAAAUEsGBiwAAAAAAAAALQAtAAAAAAAAAAAAAgAAAAAAAAACAAAAAAAAAJoAAAAAAAAApAAAAAAAAABQSwYHAAAAAD4BAAAAAAAAAQAAAFBLBQYAAAAAAgACAJoAAACkAAAAAAA=";
const withLocator = () => {
  const bytes = Buffer.from(zip64, "base64");
  bytes.writeUInt32LE(0xffffffff, bytes.length - 6);
  return bytes;
};

const accepted: readonly (readonly [kind: string, bytes: string | Uint8Array, warning?: RegExp])[] = [
  ["a csv in UTF-8", csv],
  ["a byte order mark", `\ufeff${csv}`],
  ["UTF-16, little-endian", Buffer.from(`\ufeff${csv}`, "utf16le"), /is not UTF-8; it was read as UTF-16LE/],
  ["UTF-16, big-endian", utf16be(`\ufeff${csv}`), /is not UTF-8; it was read as UTF-16BE/],
  ["UTF-16 without a byte order mark", Buffer.from(csv, "utf16le"), /read as UTF-16LE/],
  ["UTF-16, big-endian, without a byte order mark", utf16be(csv), /read as UTF-16BE/],
  ["Windows-1252", windows1252, /is not UTF-8; it was read as Windows-1252\. If accents/],
  ["semicolons and decimal commas", csv.replaceAll(",", ";").replace("1.5", "1,5")],
  ["tabs and decimal commas", csv.replaceAll(",", "\t").replace("1.5", "1,5")],
  ["a header with a semicolon", csv.replace("id,excerpt,target", "id,excerpt,target,a;b").replaceAll("\n", ",\n")],
  ["CR LF", csv.replaceAll("\n", "\r\n")],
  ["CR", csv.replaceAll("\n", "\r")],
  ["mixed line ends", csv.replace("\n", "\r\n").replace("1.5\n", "1.5\r")],
  ["no line end at the end", csv.trimEnd()],
  ["blank lines of spaces", csv.replaceAll("\n", "\n  \n\t\n")],
  ["empty rows and columns of Excel", `${csv.replaceAll("\n", ",,\n")},,,,\n,,,,\n`],
  ["an id in capitals", csv.replace("id", "ID")],
  ["an Id", csv.replace("id", " Id ")],
  ["other columns, and names in capitals", csv.replace("id,excerpt,target", "id,Excerpt,TARGET")],
  ["gzip", gzipSync(csv)],
  ["a zip", zip({ "train.csv": csv })],
  ["a stored zip", stored()],
  ["a zip in a folder, with what macOS adds", zip({ "data/": "", "data/my.CSV": csv, "__MACOSX/data/._my.csv": "x", "data/._my.csv": "x", "README.md": "x" })], // biome-ignore format: one line
  [
    "Kaggle's zip",
    zip({ "sample_submission.csv": other, "test.csv": other, "train.csv": csv }),
    /has 3 \.csv files; train\.csv was read\. Choose another with --file/,
  ],
  ["a zip with a comment", Buffer.concat([stored().subarray(0, -2), Buffer.from([3, 0, 0x61, 0x62, 0x63])])],
];

const quote = 'id,excerpt,target\na,"One\nb,"Two",2\nc,Three,3\n';
const refused: readonly (readonly [kind: string, bytes: string | Uint8Array, message: RegExp])[] = [
  ["an empty file", "", /has no passages/],
  ["a lost quote", quote, /passages, row 2: a quote opens a cell here and does not close it/],
  ["zero bytes", "id,excerpt,target\na,O\0ne,1\n", /zero bytes/],
  ["UTF-32", Buffer.from([0xff, 0xfe, 0, 0, 0x69, 0, 0, 0]), /seems to be UTF-32, but cannot be decoded: it is not supported/],
  ["half a character of UTF-16", Buffer.from(`\ufeff${csv}\ud800`, "utf16le"), /seems to be UTF-16LE.*a character is incomplete/],
  ["an odd number of bytes in UTF-16", Buffer.from(`\ufeff${csv}`, "utf16le").subarray(0, -1), /seems to be UTF-16LE/],
  ["UTF-8 mixed with another encoding", Buffer.concat([Buffer.from(csv), windows1252]), /UTF-8.*the byte at offset 82 is invalid/],
  [
    "a byte that Windows-1252 lacks",
    Buffer.from("id,excerpt,target\na,caf\xe9 \x81,1\n", "latin1"),
    /Windows-1252.*the byte 81 is not defined/,
  ],
  ["a zip without a csv", zip({ "a.txt": "x", "b/c.json": "{}" }), /has no \.csv file; found a\.txt, b\/c\.json\. Choose one with --file/],
  ["a zip of two", zip({ "a.csv": csv, "b.csv": csv }), /has 2 \.csv files; found a\.csv, b\.csv\. Choose one with --file/],
  ["a zip with two train.csv", zip({ "a/train.csv": csv, "b/train.csv": csv }), /has 2 \.csv files/],
  ["an empty zip", zip({}), /has no \.csv file; found nothing/],
  ["an Excel workbook", zip({ "[Content_Types].xml": "x", "xl/workbook.xml": "x" }), /is an Excel workbook; save it as csv/],
  ["a changed digit in a stored zip", Buffer.from(stored().toString("latin1").replace("1.5", "7.5"), "latin1"), /checksum is wrong/],
  ["a zip that ends early", zip({ "a.csv": csv.repeat(50) }).subarray(0, 60), /Cannot unzip .*: its end is missing/],
  ["a zip without its data", patch(stored(), 20, 1e6), /is cut short/],
  ["an encrypted zip", patch(stored(), 8, 1), /train\.csv is encrypted/],
  ["another method", patch(stored(), 10, 9), /is packed by method 9/],
  ["a size too small", patch(zip({ "a.csv": csv.repeat(9) }), 24, 40), /does not unpack to the 40 bytes that the zip declares/],
  ["a size too large", patch(zip({ "a.csv": csv.repeat(9) }), 24, 4000), /does not unpack to the 4000 bytes/],
  ["a stored size too small", patch(stored(), 24, 40), /does not unpack to the 40 bytes/],
  ["a wrong offset", patch(stored(), 42, 7), /is damaged \(no header at byte 7\)/],
  ["what would unpack to more than 1 GiB", patch(stored(), 24, 2 ** 30 + 1), /has 1073741825 bytes; the limit is 1073741824/],
  ["a damaged gzip file", gzipSync(csv).subarray(0, -9), /the gzip file is damaged/],
  ["a changed gzip file", gzipSync(csv, { level: 0 }).fill("7", 30, 31), /the gzip file is damaged/],
];

describe("input files", () => {
  it.each(accepted.map(([kind, bytes, warning]) => ({ kind, bytes, warning })))("reads $kind", ({ bytes, warning }) => {
    const { rows: found, warnings } = read(bytes);
    expect(found).toEqual(rows);
    expect(warnings).toEqual(warning ? [expect.stringMatching(warning)] : []);
  });

  it.each(refused)("refuses %s", (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
    expect(() => read(bytes)).toThrow(file);
  });

  it.each([
    ["a stream", Buffer.from(streamed, "base64")],
    ["zip64", Buffer.from(zip64, "base64")],
    ["zip64 with a directory of its own", withLocator()],
  ])("reads a zip that Python wrote as %s", (_, bytes) => expect(read(bytes).rows).toEqual([["x", "One", 1]]));

  it("recognizes a zip by its content: a csv whose header begins with PK is a csv", () => {
    expect(read("PK,excerpt,target\n5,One,1\n").rows).toEqual([["2", "One", 1]]);
  });

  it("reads the named file of a zip, by its path or only its name", () => {
    const bytes = zip({ "a/one.txt": csv, "b/two.csv": other, "two.csv": csv, "c/same.csv": csv, "d/same.csv": csv });
    for (const name of ["a/one.txt", "one.txt", "two.csv"]) expect(read(bytes, { file: name }).rows).toEqual(rows);
    expect(() => read(bytes, { file: "three.csv" })).toThrow(/has no file three\.csv; found a\/one\.txt, b\/two\.csv/);
    expect(() => read(bytes, { file: "same.csv" })).toThrow(/has several files same\.csv/);
    expect(() => read(csv, { file: "train.csv" })).toThrow(/is not a zip, which --file train\.csv needs/);
  });

  it("stops unpacking at its limit", () => {
    const options = { what: "", remedy: "", limit: 1000 };
    for (const bomb of [gzipSync(Buffer.alloc(1e7)), zip({ "a.csv": "x".repeat(1e6) })]) {
      writeFileSync(file, bomb);
      expect(() => readCsv(file, options, () => {})).toThrow(/bytes; the limit is 1000/);
    }
    writeFileSync(file, "x".repeat(1001));
    expect(() => readCsv(file, options, () => {})).toThrow(/has 1001 bytes; the limit is 1000/);
  });

  it("refuses what is not a regular file before it reads", () => {
    const place = (name: string) => join(folder, name);
    mkdirSync(place("folder"));
    expect(() => readPassages(place("folder"), { targets: true })).toThrow(/folder is a folder, not a regular file/);
    expect(() => readPassages(join(file, "x"), { targets: true })).toThrow(/x not found/);
    if (process.platform === "win32") return;
    expect(() => readPassages("/dev/zero", { targets: true })).toThrow(/\/dev\/zero is a device, not a regular file/);
    execFileSync("mkfifo", [place("pipe")]);
    expect(() => readPassages(place("pipe"), { targets: true })).toThrow(/pipe is a named pipe, not a regular file/);
    writeFileSync(place("secret"), csv);
    chmodSync(place("secret"), 0);
    if (process.getuid?.() !== 0) expect(() => readPassages(place("secret"), { targets: true })).toThrow(/Cannot read .*EACCES/);
  });
});

it("reads any mutation of a file, or refuses it by an error of the table", () => {
  const seeds = [
    csv,
    quote,
    gzipSync(csv),
    stored(),
    zip({ "train.csv": csv.repeat(9), "test.csv": other }),
    withLocator(),
    windows1252,
  ].map((bytes) => Buffer.from(bytes as string));
  const edit = fc.record({ at: fc.nat(), remove: fc.nat({ max: 4 }), insert: fc.uint8Array({ maxLength: 4 }) });
  const bytes = fc.tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 })).map(([seed, edits]) =>
    edits.reduce((bytes, { at, remove, insert }) => {
      const begin = at % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, begin), insert, bytes.subarray(begin + remove)]);
    }, seed),
  );
  fc.assert(
    fc.property(bytes, (bytes) => {
      try {
        read(bytes);
      } catch (error) {
        expect(error).toMatchObject({ name: "ReadabilityError" });
      }
    }),
    { numRuns: 2000 },
  );
});
