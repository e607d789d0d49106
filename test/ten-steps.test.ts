import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readCheckpoint } from "../lib/bert/checkpoint.js";
import { readPassages } from "../lib/data/dataset.js";
import { readSafetensors } from "../lib/storage/safetensors.js";
import { shipped } from "../lib/system/package-files.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { createReplicas } from "../lib/training/trainer.js";

interface Reference {
  readonly steps: readonly { readonly loss: number; readonly gradient_norm: number; readonly tokens: number }[];
  readonly first_step_gradient_norms: Readonly<Record<string, number>>;
  readonly scores_before: readonly number[];
  readonly scores_after: readonly number[];
  readonly scored_rows: readonly [number, number];
}

const shared = shipped("../shared");
const base = `${shared}/models/all-MiniLM-L6-v2`;
const close = (actual: number, expected: number, absolute = 0) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-4 * Math.abs(expected) + absolute);

/** The training engine against PyTorch's eager fp32 run, recorded once: ten AdamW steps of eight passages. */
it.skipIf(!existsSync(`${shared}/reference/training`)).each([1, 2])(
  "takes PyTorch's ten steps with %i workers",
  { timeout: 300_000 },
  async (workers) => {
    const reference = JSON.parse(readFileSync(`${shared}/reference/training/ten_steps.json`, "utf8")) as Reference;
    const tokenizer = loadTokenizer(base);
    const { passages } = readPassages(`${shared}/data/commonlit/train.csv.zip`, { targets: true });
    const rows = passages.map(({ id, excerpt, target }) => ({ id, ids: tokenizer.encodeTruncated(excerpt, 256), target }));
    const checkpoint = readCheckpoint(base, { head: "cls", seed: 0 });
    const classifier = readSafetensors(`${shared}/reference/training/classifier.safetensors`);
    const weights = new Map([...checkpoint.weights, ...classifier]);
    const adamw = { beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.1 };
    const gradientsOfStep = new Map<string, number>();
    const replicas = await createReplicas({ ...checkpoint, weights }, { workers, adamw, loss: "mse", clip: 1, dropout: 0, microBatch: 4 });
    try {
      const scored = rows.slice(...reference.scored_rows);
      for (const [i, score] of (await replicas.evaluate(scored)).entries())
        expect(Math.abs(score - reference.scores_before[i]!)).toBeLessThan(1e-5);
      for (const [i, expected] of reference.steps.entries()) {
        const { loss, gradientNorm } = await replicas.step(rows.slice(8 * i, 8 * i + 8), i + 1, 5e-5, 0);
        close(loss, expected.loss);
        close(gradientNorm, expected.gradient_norm);
        if (i > 0) continue;
        // After one step the first moments are (1 - beta1) times the clipped gradient.
        const unclip = Math.max(1, gradientNorm) / (1 - adamw.beta1);
        for (const { name, offset, size } of replicas.layout.slots) {
          gradientsOfStep.set(name, unclip * Math.hypot(...chunks(replicas.state.firstMoments.subarray(offset, offset + size))));
        }
      }
      for (const [name, expected] of Object.entries(reference.first_step_gradient_norms)) close(gradientsOfStep.get(name)!, expected, 1e-6);
      for (const [i, score] of (await replicas.evaluate(scored)).entries())
        expect(Math.abs(score - reference.scores_after[i]!)).toBeLessThan(1e-4);
    } finally {
      await replicas.close();
    }
  },
);

/** Norms of pieces, since Math.hypot takes few arguments. */
function chunks(values: Float32Array): number[] {
  const norms: number[] = [];
  for (let i = 0; i < values.length; i += 4096) norms.push(Math.sqrt(values.subarray(i, i + 4096).reduce((sum, x) => sum + x * x, 0)));
  return norms;
}
