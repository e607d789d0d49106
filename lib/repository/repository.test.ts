import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeRepository } from "../../test/repositories.js";
import { listModels, type Metadata, readNewestVersion } from "./repository.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "readability-repository-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const tokenizerOf = () => join(folder, "readability", "1", "tokenizer.json");

describe("readNewestVersion", () => {
  it("reads the metadata, with the tables that there are", () => {
    const tables = {
      intervals: [{ coverage: 0.8, half_width: 0.6 }],
      percentiles: Array.from({ length: 101 }, (_, i) => i / 50 - 1),
      grades: [{ score: 0, grade: 5 }],
      validation_rmse: 0.5,
    };
    writeRepository(folder, { metadata: { ...tables, length_buckets: [8, 16], positions: 16 } });
    expect(readNewestVersion(folder).metadata).toMatchObject({ ...tables, length_buckets: [8, 16] });
  });

  it("refuses metadata beside a tokenizer of another model", () => {
    writeRepository(folder);
    writeFileSync(tokenizerOf(), "{}");
    expect(() => readNewestVersion(folder)).toThrow(/metadata\.json is invalid: it expects a tokenizer\.json with the sha256/);
    unlinkSync(tokenizerOf());
    expect(() => readNewestVersion(folder)).toThrow(/tokenizer\.json not found: expected the tokenizer of a model version/);
  });

  it.each<[Partial<Metadata>, RegExp]>([
    [{ positions: 12 }, /max_length 16 exceeds the 12 positions/],
    [{ length_buckets: [8, 12] }, /length_buckets 8, 12 must ascend to its max_length 16/],
    [{ length_buckets: [8, 8, 16] }, /length_buckets 8, 8, 16 must ascend/],
    [{ percentiles: [1, 2] }, /percentiles must be 101 numbers that rise/],
    [{ percentiles: Array.from({ length: 101 }, (_, i) => -i) }, /percentiles must be 101 numbers that rise/],
    [
      {
        grades: [
          { score: 1, grade: 2 },
          { score: 0, grade: 3 },
        ],
      },
      /grades must have at least 1 item, with scores that rise/,
    ],
  ])("refuses %j", (metadata, problem) => {
    expect(() => {
      writeRepository(folder, { metadata });
      readNewestVersion(folder);
    }).toThrow(problem);
  });

  it.each<[string, string, RegExp]>([
    ["a million bad entries", `{"intervals":[${"{},".repeat(1_000_000)}{}]}`, /is not JSON|metadata/],
    ["a few thousand bad entries", `{"intervals":[${"{},".repeat(5000)}{}]}`, /intervals must have at most 1000 items/],
    ["brackets alone", "[".repeat(4 << 20), /metadata\.json is invalid/],
    ["5 MB", " ".repeat(5 << 20), /metadata\.json has 5242880 bytes; the limit is 4194304/],
  ])("refuses metadata of %s, in a short message", (_, text, problem) => {
    const { folder: place } = writeRepository(folder);
    writeFileSync(join(place, "metadata.json"), text);
    expect(() => readNewestVersion(folder)).toThrow(problem);
    expect(() => readNewestVersion(folder)).toThrow(/^.{1,1000}$/s);
  });
});

// Links need special rights on Windows.
it.skipIf(process.platform === "win32")("finds models behind links, and no hidden folders", () => {
  writeRepository(folder);
  renameSync(join(folder, "readability"), join(folder, "..data"));
  symlinkSync("..data", join(folder, "readability"));
  symlinkSync("nowhere", join(folder, "broken"));
  expect(listModels(folder)).toEqual(["readability"]);
  expect(readNewestVersion(folder).version).toBe(1);
});
