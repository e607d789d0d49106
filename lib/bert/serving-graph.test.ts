import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { shipped } from "../module.js";
import { createSession } from "../onnx/session.js";
import { readCheckpoint } from "./checkpoint.js";
import { buildServingGraph, type Precision } from "./serving-graph.js";

/** Made by test/fixtures/make-tiny-bert.py with transformers. */
interface Case {
  readonly name: string;
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  readonly token_type_ids: readonly (readonly number[])[];
  readonly logits: readonly number[];
}

const folder = shipped("test/fixtures/tiny-bert");
const golden = JSON.parse(readFileSync(`${folder}/golden.json`, "utf8")) as readonly Case[];
const checkpoint = readCheckpoint(folder);

async function openGraph(precision: Precision) {
  const session = await createSession(buildServingGraph(checkpoint, precision), { threads: 1, optimization: "basic" });
  return async (batch: Omit<Case, "name" | "logits">): Promise<readonly number[]> => {
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

describe("buildServingGraph", () => {
  it("scores as transformers does, in fp32", async () => {
    const run = await openGraph("fp32");
    for (const { name, logits, ...batch } of golden) expect(largestDifference(await run(batch), logits), name).toBeLessThan(1e-5);
  });

  it("scores a padded text as it does the text alone, in fp32", async () => {
    const run = await openGraph("fp32");
    const { logits, ...batch } = golden.find(({ name }) => name === "a padded batch")!;
    for (const [i, mask] of batch.attention_mask.entries()) {
      const tokens = mask.filter((value) => value === 1).length;
      const alone = (rows: Case["input_ids"]) => [rows[i]!.slice(0, tokens)];
      const [score] = await run({
        input_ids: alone(batch.input_ids),
        attention_mask: alone(batch.attention_mask),
        token_type_ids: alone(batch.token_type_ids),
      });
      expect(Math.abs(score! - logits[i]!)).toBeLessThan(1e-5);
    }
  });

  it("comes close in int8, for texts alone and padded ones", async () => {
    const run = await openGraph("int8");
    for (const { name, logits, ...batch } of golden) {
      const difference = largestDifference(await run(batch), logits);
      expect(difference, name).toBeLessThan(0.1);
      expect(difference, name).toBeGreaterThan(1e-6);
    }
  });
});
