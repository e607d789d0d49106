import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTiny, tinyFolder } from "../../test/tiny-models.js";
import { resolveBase } from "../hub/hub.js";
import { fromBrain, fromHalf, toHalf } from "../math/float16.js";
import { openModel } from "../serving/model.js";
import { writeFileAtomic } from "../storage/files.js";
import { encodeSafetensors } from "../storage/safetensors.js";
import { weightsFile } from "../storage/weights.js";
import { type Checkpoint, checkVocabulary, readCheckpoint } from "./checkpoint.js";

const folder = mkdtempSync(join(tmpdir(), "checkpoint-formats-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tiny = readTiny("bert", "cls");
type Weights = Checkpoint["weights"];
type Named = readonly [string, { readonly shape: readonly number[]; readonly data: Float32Array }];

/** The tiny BERT's folder without weights, and with these files of weights. */
function place(name: string, files: Readonly<Record<string, Weights | string | Uint8Array>>): string {
  const to = join(folder, name);
  cpSync(tinyFolder("bert"), to, { recursive: true });
  rmSync(join(to, weightsFile), { force: true });
  writeFileSync(join(to, "tokenizer.json"), "{}");
  for (const [file, content] of Object.entries(files))
    writeFileAtomic(join(to, file), content instanceof Map ? encodeSafetensors(content, "F32") : (content as string | Uint8Array));
  return to;
}

const rename = (change: (name: string) => string): Weights => new Map([...tiny.weights].map(([name, tensor]) => [change(name), tensor]));
const show = (weights: Weights) => [...weights].map(([name, { shape, data }]) => [name, shape, data]);

/** A safetensors file of 16-bit tensors. */
function encode16(dtype: "F16" | "BF16", toBits: (data: Float32Array) => Uint16Array): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of tiny.weights) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + 2 * data.length] };
    offset += 2 * data.length;
    parts.push(Buffer.from(new Uint8Array(toBits(data).buffer)));
  }
  const json = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([size, json, ...parts]);
}

const toBrain = (data: Float32Array) => Uint16Array.from(new Uint32Array(data.slice().buffer), (bits) => bits >>> 16);

describe("checkpoints from other tools", () => {
  it.each(["module.", "model.", "module.model.", "_orig_mod."])("are read with the prefix %s before names", (prefix) => {
    const prefixed = place(`prefix ${prefix}`, { [weightsFile]: rename((name) => prefix + name) });
    expect(show(readCheckpoint(prefixed).weights)).toEqual(show(tiny.weights));
    const bare = place(`bare ${prefix}`, { [weightsFile]: rename((name) => prefix + name.replace(/^bert\./, "")) });
    expect(show(readCheckpoint(bare).weights)).toEqual(show(tiny.weights));
  });

  it("are read from shards, and only from shards if there is an index", () => {
    const entries = [...tiny.weights];
    const shards = { "model-00001-of-00002.safetensors": entries.slice(0, 9), "model-00002-of-00002.safetensors": entries.slice(9) };
    const weight_map = Object.fromEntries(Object.entries(shards).flatMap(([file, tensors]) => tensors.map(([name]) => [name, file])));
    const files = Object.fromEntries(Object.entries(shards).map(([file, tensors]) => [file, new Map(tensors)]));
    const index = { "model.safetensors.index.json": JSON.stringify({ metadata: { total_size: 1 }, weight_map }) };
    const whole = place("shards", { ...files, ...index });
    expect(show(readCheckpoint(whole).weights)).toEqual(show(tiny.weights));
    const half = place("half the shards", { "model-00001-of-00002.safetensors": files["model-00001-of-00002.safetensors"]!, ...index });
    expect(() => readCheckpoint(half)).toThrow(/model-00002-of-00002\.safetensors not found.*Put the checkpoint's model-00002/);
  });

  it.each(['{"weight_map":{"a":"../other.safetensors"}}', '{"weight_map":7}', "{", "[]"])(
    "are refused with an index that is %s",
    (index) => {
      const bad = place(`index ${Buffer.from(index).toString("hex")}`, { "model.safetensors.index.json": index });
      expect(() => readCheckpoint(bad)).toThrow(/index\.json .*weight_map does not list files of its folder/);
    },
  );

  it.each([
    ["F16", toHalf, fromHalf],
    ["BF16", toBrain, fromBrain],
  ] as const)("in %s, as float32", (dtype, toBits, toFloat) => {
    const { weights } = readCheckpoint(place(dtype, { [weightsFile]: encode16(dtype, toBits) }));
    for (const [name, { data }] of tiny.weights) expect(weights.get(name)!.data).toEqual(toFloat(toBits(data)));
  });
});

describe("refuses a checkpoint with a remedy", () => {
  it.each(["pytorch_model.bin", "tf_model.h5"])("if it has only %s", async (file) => {
    const other = place(`other ${file}`, { [file]: "weights" });
    const message = new RegExp(`model\\.safetensors not found: expected a checkpoint's weights; ${file} is there.*save_pretrained\\(`);
    expect(() => readCheckpoint(other)).toThrow(message);
    await expect(resolveBase(other)).rejects.toThrow(message);
  });

  it("if its weights are a Git LFS pointer", () => {
    const pointer = place("pointer", {
      [weightsFile]: "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab\nsize 90868376\n",
    });
    expect(() => readCheckpoint(pointer)).toThrow(/model\.safetensors is a Git LFS pointer.*git lfs pull/);
  });

  it("if a tensor exists twice", () => {
    const twice = place("twice", { [weightsFile]: new Map([...tiny.weights, ...rename((name) => `module.${name}`)]) });
    expect(() => readCheckpoint(twice)).toThrow(/the checkpoint has .* twice/);
  });

  it("if its tokenizer has ids without embeddings", () => {
    expect(() => checkVocabulary(tiny, tiny.config.vocabulary - 1)).not.toThrow();
    expect(() => checkVocabulary(tiny, tiny.config.vocabulary)).toThrow(
      /tokenizer\.json.*its ids go up to 100, and the model has embeddings for 100 \(vocab_size in config\.json\)/,
    );
  });
});

describe("a base with a head of two labels", () => {
  const hidden = tiny.config.hidden;
  const head: readonly Named[] = [
    ["classifier.weight", { shape: [2, hidden], data: new Float32Array(2 * hidden).fill(0.5) }],
    ["classifier.bias", { shape: [2], data: Float32Array.of(1, 2) }],
  ];
  const base = place("two labels", { [weightsFile]: new Map([...tiny.weights, ...head]) });

  it("gets a new head for training, with a notice, and keeps the other weights", () => {
    const notices: string[] = [];
    const { weights } = readCheckpoint(base, { head: "cls", seed: 3, notify: (notice) => notices.push(notice) });
    expect(notices).toEqual([`the head of ${base} has 2 labels: a new head of one label takes its place`]);
    expect(weights.get("classifier.weight")!.shape).toEqual([1, hidden]);
    expect([...weights.get("classifier.bias")!.data]).toEqual([0]);
    expect(weights.get("bert.pooler.dense.weight")!.data).toEqual(tiny.weights.get("bert.pooler.dense.weight")!.data);
    expect(show(readCheckpoint(base, { head: "cls", seed: 3 }).weights)).toEqual(show(weights));
  });

  it("is not served", async () => {
    expect(() => readCheckpoint(base)).toThrow(/tensor "classifier\.weight": it belongs to a head with 2 labels.*readability train --base/);
    cpSync(join(tinyFolder("roberta"), "tokenizer.json"), join(base, "tokenizer.json"));
    await expect(openModel(base)).rejects.toThrow(/a head with 2 labels/);
  });

  it("is refused for training if another dimension does not fit", () => {
    const wide: Named = ["classifier.weight", { shape: [2, 3], data: new Float32Array(6) }];
    const from = place("wide", { [weightsFile]: new Map([...tiny.weights, wide]) });
    expect(() => readCheckpoint(from, { head: "cls", seed: 0 })).toThrow(/its shape is \[2, 3\]; config\.json requires \[1, 32\]/);
  });
});
