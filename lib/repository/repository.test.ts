import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeRepository } from "../../test/repositories.js";
import { type Metadata, readNewestVersion } from "./repository.js";

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
    [{ percentiles: [1, 2] }, /percentiles/],
  ])("refuses %j", (metadata, problem) => {
    expect(() => {
      writeRepository(folder, { metadata });
      readNewestVersion(folder);
    }).toThrow(problem);
  });
});
