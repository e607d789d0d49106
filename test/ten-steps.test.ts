import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readCheckpoint } from "../lib/bert/checkpoint.js";
import { readPassages } from "../lib/data/dataset.js";
import { readSafetensors } from "../lib/storage/safetensors.js";
import { shipped } from "../lib/system/package-files.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { createTrainer } from "../lib/training/trainer.js";

interface Reference {
  readonly steps: readonly { readonly loss: number; readonly gradient_norm: number; readonly tokens: number }[];
  readonly first_step_gradient_norms: Readonly<Record<string, number>>;
  readonly scores_before: readonly number[];
  readonly scores_after: readonly number[];
  readonly scored_rows: readonly [number, number];
}

const shared = shipped("../shared");
const base = `${shared}/models/all-MiniLM-L6-v2`;
const data = `${shared}/data/commonlit/train.csv.zip`;
const reference = shipped("test/fixtures/reference");
const close = (actual: number, expected: number, absolute = 0) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-4 * Math.abs(expected) + absolute);

/** Compares the training engine with a recorded fp32 run of PyTorch: ten AdamW steps of eight passages. */
it.skipIf(!existsSync(base) || !existsSync(data)).each([1, 2])(
  "takes PyTorch's ten steps with %i workers",
  { timeout: 300_000 },
  async (workers) => {
    const expected = JSON.parse(readFileSync(`${reference}/ten_steps.json`, "utf8")) as Reference;
    const tokenizer = loadTokenizer(base);
    const { passages } = readPassages(data, { targets: true });
    const examples = passages.map(({ id, excerpt, target }) => ({ id, ids: tokenizer.encodeTruncated(excerpt, 256), target }));
    const checkpoint = readCheckpoint(base, { head: "cls", seed: 0 });
    const classifier = readSafetensors(`${reference}/classifier.safetensors`);
    const weights = new Map([...checkpoint.weights, ...classifier]);
    const adamw = { beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.1 };
    const gradientsOfStep = new Map<string, number>();
    const trainer = await createTrainer({ ...checkpoint, weights }, { workers, ...adamw, loss: "mse", clip: 1, dropout: 0, microBatch: 4 });
    try {
      const scored = examples.slice(...expected.scored_rows);
      for (const [i, score] of (await trainer.score(scored)).entries())
        expect(Math.abs(score - expected.scores_before[i]!)).toBeLessThan(1e-5);
      for (const [i, step] of expected.steps.entries()) {
        const batch = { examples: examples.slice(8 * i, 8 * i + 8), step: i + 1, dropoutSeed: 0 };
        const { loss, gradientNorm } = await trainer.step(batch, 5e-5);
        close(loss, step.loss);
        close(gradientNorm, step.gradient_norm);
        if (i > 0) continue;
        // After one step the first moments are (1 - beta1) times the clipped gradient.
        const unclip = Math.max(1, gradientNorm) / (1 - adamw.beta1);
        for (const { name, offset, size } of trainer.layout.slots) {
          gradientsOfStep.set(name, unclip * Math.hypot(...chunks(trainer.state.firstMoments.subarray(offset, offset + size))));
        }
      }
      for (const [name, norm] of Object.entries(expected.first_step_gradient_norms)) close(gradientsOfStep.get(name)!, norm, 1e-6);
      for (const [i, score] of (await trainer.score(scored)).entries())
        expect(Math.abs(score - expected.scores_after[i]!)).toBeLessThan(1e-4);
    } finally {
      await trainer.close();
    }
  },
);

/** Norms of pieces, since Math.hypot takes few arguments. */
function chunks(values: Float32Array): number[] {
  const norms: number[] = [];
  for (let i = 0; i < values.length; i += 4096) norms.push(Math.sqrt(values.subarray(i, i + 4096).reduce((sum, x) => sum + x * x, 0)));
  return norms;
}
