import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../lib/bert/checkpoint.js";
import { readNewestVersion } from "../../lib/repository/repository.js";
import { openModel } from "../../lib/serving/model.js";
import { openVersion } from "../../lib/serving/open-version.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { hashPath } from "../../lib/storage/hash.js";
import { loadTokenizer } from "../../lib/text/tokenizer.js";
import { copyTiny, readTiny } from "../../test/tiny-models.js";
import { main } from "./main.js";

const folder = mkdtempSync(join(tmpdir(), "readability-optimization-"));
const model = join(folder, "model");
const data = join(folder, "graded.csv");
const repository = join(folder, "repository");
const quick = ["--seconds", "0.05", "--rounds", "2"];

beforeAll(() => {
  copyTiny("bert", model);
  const rows = Array.from({ length: 60 }, (_, i) => `${"the cat sat on the mat ".repeat(1 + (i % 5))}${i},${(i % 10) / 5}`);
  writeFileSync(data, `excerpt,target\n${rows.join("\n")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the service. @returns what it printed on standard output */
async function optimize(...args: readonly string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    expect(await main(["--model", model, "--out", repository, ...quick, ...args])).toBe(0);
    return write.mock.calls.map(([text]) => String(text)).join("");
  } finally {
    write.mockRestore();
  }
}

describe("optimization", () => {
  it("writes a version that is served, with the accuracy that it measured", async () => {
    const table = await optimize("--data", data);
    expect(table).toMatch(/^\| Graph +\| Sessions x threads \| Texts\/s \|/);
    expect(table.match(/\| +yes \|/g)).toHaveLength(1);
    expect(table).toContain("\n| fp32 ");
    expect(table).toMatch(/\n\| int[78] /); // 7 bits where 8 overflow

    const version = readNewestVersion(repository);
    expect(version).toMatchObject({ model: "readability", version: 1 });
    const { metadata } = version;
    expect(metadata).toMatchObject({ base: "model", max_length: 64, pad_token_id: 0 });
    expect(metadata.accuracy).toMatchObject({ against: "targets", rows: 5 });
    expect(Math.abs(metadata.accuracy.rmse - metadata.accuracy.rmse_fp32)).toBeLessThan(0.05);
    expect(metadata.reference.texts).toHaveLength(4);

    const engine = await openVersion(version);
    const scheduler = createScheduler();
    const tokenizer = loadTokenizer(version.folder);
    for (const { text, score } of metadata.reference.texts) {
      const served = await scheduler.score(engine, tokenizer.encodeTruncated(text, metadata.max_length));
      expect(Math.abs(served - score)).toBeLessThan(metadata.reference.tolerance);
    }
    await engine.close();
  });

  it("makes the same version, byte for byte, from what the cache knows", async () => {
    const cache = join(folder, "cache.json");
    const [first, second] = ["first", "second"].map((name) => join(folder, name)) as [string, string];
    const tables = [await optimize("--data", data, "--out", first, "--cache", cache), ""];
    tables[1] = await optimize("--data", data, "--out", second, "--cache", cache);
    expect(tables[1]).toBe(tables[0]);
    expect(await hashPath(second)).toBe(await hashPath(first));
    const known = readFileSync(cache, "utf8");
    await optimize("--data", data, "--out", second, "--cache", cache, "--fresh");
    expect(readFileSync(cache, "utf8")).not.toBe(known);
  });

  it("makes a version for a GPU: float16, lengths to pad to, batches", async () => {
    const out = join(folder, "gpu");
    const table = await optimize("--data", data, "--out", out, "--target", "gpu");
    expect(table).toMatch(/\| fp16 +\| +- \| +- \|.* yes \|/);
    const version = readNewestVersion(out);
    expect(version.metadata).toMatchObject({ precision: "fp16", max_length: 64, length_buckets: [64] });
    expect(version.metadata.accuracy.largest_difference).toBeLessThan(5e-3);
    const config = readFileSync(join(out, "readability", "config.pbtxt"), "utf8");
    expect(config).toMatch(/KIND_GPU.*"64 x 64"/s);
    expect(readdirSync(join(out, "readability", "warmup"))).toEqual(["attention_mask_64", "input_ids_64"]);
    expect(readFileSync(join(out, "readability", "warmup", "input_ids_64")).byteLength).toBe(8 * 64);
  });

  it.each([
    ["gpu", "int8"],
    ["cpu", "fp16"],
  ])("refuses --target %s --precision %s", async (target, precision) => {
    const refused = main(["--model", model, "--target", target, "--precision", precision]);
    await expect(refused).rejects.toMatchObject({ code: "bad-combination", exit: 2 });
  });

  it("serves the precision it is told to, and compares with fp32 without data", async () => {
    const out = join(folder, "fp32");
    const without = process.cwd();
    process.chdir(folder); // no data/input/train.csv.zip here
    try {
      const table = await optimize("--out", out, "--precision", "fp32", "--gate-rows", "5");
      expect(table).not.toContain("int8");
    } finally {
      process.chdir(without);
    }
    const { metadata, folder: place } = readNewestVersion(out);
    expect(metadata.accuracy).toEqual({ against: "fp32", rows: 5, rmse: 0, rmse_fp32: 0, largest_difference: 0 });
    expect(metadata.precision).toBe("fp32");
    expect(readdirSync(place)).not.toContain("model_fp32.onnx");
    expect(readFileSync(join(out, "readability", "config.pbtxt"), "utf8")).toContain(`count: ${metadata.sessions} `);
  });

  it.each([
    { family: "roberta", head: "cls", precision: "auto" },
    { family: "mpnet", head: "mean", precision: "int8" },
  ] as const)(
    "makes a version of another family ($family, $head, $precision), with its own padding",
    async ({ family, head, precision }) => {
      const [from, out] = [join(folder, family), join(folder, `${family}-repository`)];
      copyTiny(family, from);
      writeCheckpoint(from, readTiny(family, head));
      await optimize("--model", from, "--out", out, "--data", data, "--precision", precision, "--gate", "1");
      const version = readNewestVersion(out);
      expect(version.metadata.pad_token_id).toBe(1);
      const engine = await openVersion(version); // checks its reference scores
      expect(engine.inputs).toEqual(["input_ids", "attention_mask", "token_type_ids"]);
      await engine.close();
    },
  );

  it("refuses int8 that fails the gate, and leaves nothing", async () => {
    const [out, graded] = [join(folder, "refused"), join(folder, "as-scored.csv")];
    const { engine, tokenizer, maxLength } = await openModel(model);
    const scheduler = createScheduler();
    const texts = Array.from({ length: 60 }, (_, i) => `${"the cat sat on the mat ".repeat(1 + (i % 5))}${i}`);
    const scores = await Promise.all(texts.map((text) => scheduler.score(engine, tokenizer.encodeTruncated(text, maxLength))));
    await engine.close();
    // fp32 is without error, so that whatever rounds is worse.
    writeFileSync(graded, `excerpt,target\n${texts.map((text, i) => `${text},${scores[i]}\n`).join("")}`);
    const refused = main(["--model", model, "--data", graded, "--out", out, "--precision", "int8", "--gate", "1e-9", ...quick]);
    await expect(refused).rejects.toMatchObject({ code: "gate-failed" });
    expect(readdirSync(join(out, "readability"))).toEqual([]);
  });

  it("refuses a checkpoint whose scores are not numbers", async () => {
    const diverged = join(folder, "diverged");
    cpSync(model, diverged, { recursive: true });
    const { config, weights } = readCheckpoint(model);
    const huge = (name: string) => [name, { ...weights.get(name)!, data: weights.get(name)!.data.map(() => 3e38) }] as const;
    const names = ["bert.pooler.dense.bias", "classifier.weight"]; // tanh makes ones of the first, and their sum overflows
    writeCheckpoint(diverged, { config, weights: new Map([...weights, ...names.map(huge)]) });
    const refused = main(["--model", diverged, "--data", data, "--out", join(folder, "none"), ...quick]);
    await expect(refused).rejects.toMatchObject({ code: "no-scores" });
  });

  it("refuses a tokenizer with ids beyond the model's vocabulary", async () => {
    const other = join(folder, "other-tokenizer");
    cpSync(model, other, { recursive: true });
    const file = join(other, "tokenizer.json");
    const json = JSON.parse(readFileSync(file, "utf8"));
    json.added_tokens.push({ ...json.added_tokens[0], id: 100, content: "[EXTRA]" });
    writeFileSync(file, JSON.stringify(json));
    await expect(main(["--model", other])).rejects.toMatchObject({ code: "bad-tokenizer" });
  });

  it("names the missing files of a checkpoint", async () => {
    await expect(main(["--model", join(folder, "nowhere")])).rejects.toThrow(
      /nowhere not found: expected a checkpoint.*readability train/s,
    );
    const half = join(folder, "half");
    cpSync(model, half, { recursive: true });
    unlinkSync(join(half, "model.safetensors"));
    await expect(main(["--model", half])).rejects.toThrow(/half.model\.safetensors not found/);
  });
});
