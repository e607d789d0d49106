import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTiny, tinyFolder, tinyModels } from "../../test/tiny-models.js";
import { writeFileAtomic } from "../storage/files.js";
import { encodeSafetensors } from "../storage/safetensors.js";
import { weightsFile } from "../storage/weights.js";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { families, familyNames } from "./families.js";
import { listParameters } from "./parameters.js";

const folder = mkdtempSync(join(tmpdir(), "checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes weights as they are, beside a family's config.json. @returns the folder */
function writeWeights(name: string, { config }: Checkpoint, weights: Checkpoint["weights"]): string {
  const to = join(folder, name);
  cpSync(tinyFolder(config.family), to, { recursive: true });
  writeFileAtomic(join(to, weightsFile), encodeSafetensors(weights, "F32"));
  return to;
}

/** Names, shapes and numbers; not how they were stored. */
const show = ({ weights }: Pick<Checkpoint, "weights">) => [...weights].map(([name, { shape, data }]) => [name, shape, data]);

const spread = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);

describe.each(tinyModels)("$family with the head $head", ({ family, head }) => {
  const checkpoint = readTiny(family, head);
  const isHead = new Map(listParameters(checkpoint.config).map(({ name, drawn }) => [name, drawn !== undefined]));

  it("is read as it was written", () => {
    const to = join(folder, `${family}-${head}-written`);
    writeCheckpoint(to, checkpoint);
    const { config, weights } = readCheckpoint(to);
    expect(show({ weights })).toEqual(show(checkpoint));
    expect({ ...config, source: {} }).toEqual({ ...checkpoint.config, source: {} });
    const { architecture } = families[family];
    expect(config.source).toMatchObject({
      model_type: family,
      architectures: [head === "cls" ? `${architecture}ForSequenceClassification` : `${architecture}Model`],
      problem_type: "regression",
      id2label: { 0: "readability" },
      dtype: "float32",
      torch_dtype: "float32",
    });
    expect(config.source.readability_head).toBe(head === "cls" ? undefined : "mean");
  });

  it("is read from a bare encoder with old names, and its head drawn from the seed", () => {
    const old = (name: string) =>
      name
        .replace(`${family}.`, "")
        .replace(/LayerNorm\.weight$/, "LayerNorm.gamma")
        .replace(/LayerNorm\.bias$/, "LayerNorm.beta");
    const body = [...checkpoint.weights].filter(([name]) => !isHead.get(name)).map(([name, tensor]) => [old(name), tensor] as const);
    const pretraining = ["cls.predictions.bias", { shape: [2], data: Float32Array.of(1, 2) }] as const;
    const from = writeWeights(`${family}-${head}-old`, checkpoint, new Map([...body, pretraining]));
    expect(() => readCheckpoint(from)).toThrow(/has no tensor/);
    const [one, same, other] = [1, 1, 2].map((seed) => readCheckpoint(from, { head, seed }).weights);
    expect(same).toEqual(one);
    for (const [name, { data }] of checkpoint.weights) {
      const found = one!.get(name)!.data;
      if (!isHead.get(name)) expect(found, name).toEqual(data);
      else if (name.endsWith(".bias")) expect(found.every((x) => x === 0)).toBe(true);
      else if (name.endsWith("norm.weight")) expect(found.every((x) => x === 1)).toBe(true);
      else {
        expect(found).not.toEqual(other!.get(name)!.data);
        expect(spread(found)).toBeGreaterThan(0.01);
        expect(spread(found)).toBeLessThan(0.03);
      }
    }
  });
});

describe("config.json", () => {
  const read = (family: (typeof familyNames)[number], change: Record<string, unknown>) => {
    const to = join(folder, "config");
    cpSync(tinyFolder(family), to, { recursive: true });
    const source = JSON.parse(readFileSync(join(to, "config.json"), "utf8")) as Record<string, unknown>;
    writeFileSync(join(to, "config.json"), JSON.stringify({ ...source, ...change }));
    return readCheckpoint(to, { head: "cls", seed: 0 }).config;
  };

  it("tells how many tokens fit: those beside padding's position", () => {
    expect(familyNames.map((family) => read(family, {})).map(({ positions, firstPosition }) => [positions, firstPosition])).toEqual([
      [64, 0],
      [64, 0],
      [64, 2],
      [64, 0],
      [160, 2],
    ]);
  });

  it.each(familyNames)("refuses what is not supported by name (%s)", (family) => {
    expect(() => read(family, { [family === "distilbert" ? "activation" : "hidden_act"]: "silu" })).toThrow(
      /activation "silu" is not supported, only "gelu"/,
    );
    expect(() => read(family, { model_type: "deberta" })).toThrow(
      /model_type "deberta" is not supported.*\(bert, distilbert, roberta, electra, mpnet\)/,
    );
    expect(() => read(family, { readability_head: "max" })).toThrow(/readability_head/);
    expect(() => read(family, { [family === "distilbert" ? "n_heads" : "num_attention_heads"]: 5 })).toThrow(
      /32 is not a multiple of its 5/,
    );
  });

  it("refuses fields of one family that do not fit", () => {
    expect(() => read("electra", { embedding_size: undefined })).toThrow(/embedding_size/);
    expect(() => read("mpnet", { relative_attention_num_buckets: 16 })).toThrow(/relative_attention_num_buckets/);
    expect(() => read("distilbert", { dim: "wide" })).toThrow(/dim/);
    expect(() => read("roberta", { max_position_embeddings: 2 })).toThrow(/leaves no position/);
  });
});
