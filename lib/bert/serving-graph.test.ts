import { describe, expect, it } from "vitest";
import { type Case, readGolden, readTiny, tinyModels } from "../../test/tiny-models.js";
import { createSession } from "../onnx/session.js";
import type { Checkpoint } from "./checkpoint.js";
import type { Precision } from "./precisions.js";
import type { Ranges } from "./quantize.js";
import { measureRanges } from "./ranges.js";
import { buildServingGraph } from "./serving-graph.js";

type Batch = Pick<Case, "input_ids" | "attention_mask" | "token_type_ids">;

const checkpoint = readTiny("bert", "cls");

async function openGraph(precision: Precision, model: Checkpoint, ranges?: Ranges) {
  const session = await createSession(buildServingGraph(model, precision, ranges), { threads: 1, optimization: "basic" });
  return async (batch: Batch): Promise<readonly number[]> => {
    const tensor = (rows: Case["input_ids"]) => ({
      dtype: "int64" as const,
      shape: [rows.length, rows[0]!.length],
      data: BigInt64Array.from(rows.flat(), BigInt),
    });
    const { logits } = await session.run({
      input_ids: tensor(batch.input_ids),
      attention_mask: tensor(batch.attention_mask),
      token_type_ids: tensor(batch.token_type_ids),
    });
    expect(logits!.shape).toEqual([batch.input_ids.length, 1]);
    return Array.from(logits!.data as Float32Array);
  };
}

const largestDifference = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe.each(tinyModels)("buildServingGraph of $family with the head $head", ({ family, head }) => {
  const model = readTiny(family, head);
  const golden = readGolden(family);

  it("scores as transformers does, in fp32", async () => {
    const run = await openGraph("fp32", model);
    for (const batch of golden) expect(largestDifference(await run(batch), batch[head]), batch.name).toBeLessThan(1e-5);
  });

  it("scores a padded text as it does the text alone, in fp32", async () => {
    const run = await openGraph("fp32", model);
    const batch = golden.find(({ name }) => name === "a padded batch")!;
    for (const [i, mask] of batch.attention_mask.entries()) {
      const tokens = mask.filter((value) => value === 1).length;
      const alone = (rows: Case["input_ids"]) => [rows[i]!.slice(0, tokens)];
      const [score] = await run({
        input_ids: alone(batch.input_ids),
        attention_mask: alone(batch.attention_mask),
        token_type_ids: alone(batch.token_type_ids),
      });
      expect(Math.abs(score! - batch[head][i]!)).toBeLessThan(1e-5);
    }
  });

  it("comes close in float16, with a score of float32's digits, for texts alone and padded ones", async () => {
    const run = await openGraph("fp16", model);
    const scores: number[] = [];
    for (const batch of golden) {
      scores.push(...(await run(batch)));
      expect(largestDifference(scores.slice(-batch[head].length), batch[head]), batch.name).toBeLessThan(5e-3);
    }
    expect(scores.some((score) => (new Uint32Array(Float32Array.of(score).buffer)[0]! & 0x1fff) !== 0)).toBe(true);
  });

  it("comes close in integers, for texts alone and padded ones", async () => {
    const run = await openGraph("int7", model); // 8 bits overflow on some processors
    for (const batch of golden) {
      const difference = largestDifference(await run(batch), batch[head]);
      expect(difference, batch.name).toBeLessThan(0.1);
      expect(difference, batch.name).toBeGreaterThan(1e-6);
    }
  });
});

describe("precisions", () => {
  const [first, last] = ["bert.encoder.layer.0.output.dense", "bert.encoder.layer.1.output.dense"];
  const stored = (precision: Precision, linear: string) =>
    Buffer.from(buildServingGraph(checkpoint, precision)).includes(`${linear}.weight_int8`);

  it.each([
    ["int8", true, true],
    ["int8-last", true, false],
    ["int7-first", false, true],
    ["int7-ends", false, false],
    ["fp16", false, false],
  ] as const)("%s quantizes the first layer: %s, the last: %s", (precision, ofFirst, ofLast) => {
    expect([stored(precision, first), stored(precision, last)]).toEqual([ofFirst, ofLast]);
  });

  it("keep weights in half the bytes in float16", () => {
    const bytes = (precision: Precision) => buildServingGraph(checkpoint, precision).byteLength;
    expect(bytes("fp16") / bytes("fp32")).toBeLessThan(0.6);
  });
});

describe("ranges", () => {
  it("make integers come closer where channels stand out", async () => {
    const layer = "bert.encoder.layer.0";
    const scale = (
      name: string,
      factor: number,
      chosen: (i: number) => boolean,
    ): readonly [string, { shape: readonly number[]; data: Float32Array }] => {
      const { shape, data } = checkpoint.weights.get(name)!;
      return [name, { shape, data: data.map((value, i) => (chosen(i) ? value * factor : value)) }];
    };
    // The 8th of 64 channels between the two layers of the feed-forward network: 40 times as large, and read as much smaller.
    const outlying = [
      scale(`${layer}.intermediate.dense.weight`, 40, (i) => Math.floor(i / 32) === 7),
      scale(`${layer}.intermediate.dense.bias`, 40, (i) => i === 7),
      scale(`${layer}.output.dense.weight`, 1 / 40, (i) => i % 64 === 7),
    ];
    const model = { ...checkpoint, weights: new Map([...checkpoint.weights, ...outlying]) };
    const texts = readGolden("bert").filter(({ input_ids }) => input_ids.length === 1);
    const ranges = await measureRanges(
      model,
      texts.map(({ input_ids }) => input_ids[0]!),
      1,
    );
    const [exact, plain, smoothed] = [
      await openGraph("fp32", model),
      await openGraph("int7", model),
      await openGraph("int7", model, ranges),
    ];
    let [before, after] = [0, 0];
    for (const text of texts) {
      const scores = await exact(text);
      before += largestDifference(await plain(text), scores);
      after += largestDifference(await smoothed(text), scores);
    }
    expect(after).toBeLessThan(before / 2);
  });

  it("are the largest size of each channel of every quantized layer's input, over all texts", async () => {
    const [a, b] = [
      [2, 50, 60, 3],
      [2, 70, 3],
    ];
    const [alone, both] = [await measureRanges(checkpoint, [a], 1), await measureRanges(checkpoint, [a, b], 1)];
    const other = await measureRanges(checkpoint, [b], 1);
    expect([...both.keys()]).toHaveLength(2 * 6 - 2);
    for (const [name, range] of both) {
      expect(range).toHaveLength(name.endsWith("d.output.dense") ? 64 : range.length);
      expect([...range]).toEqual([...alone.get(name)!].map((size, i) => Math.max(size, other.get(name)![i]!)));
      expect(Math.min(...range)).toBeGreaterThan(0);
    }
    expect(both.get("bert.encoder.layer.0.output.dense")).toHaveLength(64);
  });
});
