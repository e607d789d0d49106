import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { readGolden, readTiny } from "../../test/tiny-models.js";
import type { FamilyName } from "../bert/families.js";
import { shipped } from "../system/package-files.js";
import { dealMicroBatches, type Example } from "./batch.js";
import { createTrainer, type Trainer, type TrainerOptions } from "./trainer.js";

interface Fixture {
  readonly rows: readonly { readonly ids: number[]; readonly target: number }[];
  readonly recipe: Readonly<Record<"lr" | "beta1" | "beta2" | "epsilon" | "weight_decay" | "clip", number>>;
  readonly runs: readonly Expected[];
}
interface Expected {
  readonly family: FamilyName;
  readonly head: "cls" | "mean";
  readonly loss: "mse" | "rmse";
  readonly layer_decay: number;
  /** Factors of the squared errors. */
  readonly weights: readonly number[];
  readonly gradients: Readonly<Record<string, { readonly norm: number; readonly product: number }>>;
  readonly steps: readonly { readonly loss: number; readonly gradient_norm: number }[];
  readonly scores_after: readonly number[];
}

const fixture = JSON.parse(readFileSync(shipped("test/fixtures/tiny-training.json"), "utf8")) as Fixture;
const { recipe } = fixture;
const examples: readonly Example[] = fixture.rows.map((row, i) => ({ id: String(i), ...row }));
const adamw = { beta1: recipe.beta1, beta2: recipe.beta2, epsilon: recipe.epsilon, weightDecay: recipe.weight_decay };
const defaults: TrainerOptions = { workers: 2, ...adamw, loss: "mse", clip: recipe.clip, dropout: 0, microBatch: 2 };

let trainer: Trainer;
const create = async (options: Partial<TrainerOptions> = {}, { family, head }: Pick<Expected, "family" | "head"> = fixture.runs[0]!) => {
  trainer = await createTrainer(readTiny(family, head), { ...defaults, ...options });
  return trainer;
};
afterEach(() => trainer.close());

const near = (actual: number, expected: number, absolute = 0) =>
  expect(Math.abs(actual - expected), `${actual} for ${expected}`).toBeLessThanOrEqual(1e-4 * Math.abs(expected) + absolute);

/** Single texts with their scores, without those that contain the padding token: training counts positions from the start of the text. */
const goldenTexts = ({ family, head }: Expected) =>
  readGolden(family)
    .filter(({ name }) => /^a text of/.test(name))
    .map((text) => ({ example: { id: text.name, ids: text.input_ids[0]!, target: 0 }, score: text[head][0]! }));

describe.each(fixture.runs)("$family with the head $head, $loss, layer decay $layer_decay, weights $weights", (run) => {
  const weighted = examples.map((example, i) => ({ ...example, weight: run.weights[i]! }));
  it.each(run.family === "bert" ? [1, 2, 3] : [1, 2])(
    "gives PyTorch's scores, gradients, losses and weights with %i workers",
    async (workers) => {
      const { step, score, state, layout } = await create({ workers, loss: run.loss, layerDecay: run.layer_decay }, run);
      const texts = goldenTexts(run);
      for (const [i, actual] of (await score(texts.map(({ example }) => example))).entries()) near(actual, texts[i]!.score, 1e-6);
      for (const [i, expected] of run.steps.entries()) {
        const result = await step({ examples: weighted, step: i + 1, dropoutSeed: 0 }, recipe.lr);
        near(result.loss, expected.loss);
        near(result.gradientNorm, expected.gradient_norm);
        if (i > 0) continue;
        expect(layout.slots.map(({ name }) => name).sort()).toEqual(Object.keys(run.gradients).sort());
        // After one step the first moments are (1 - beta1) times the clipped gradient.
        const unclip = Math.max(1, expected.gradient_norm / recipe.clip) / (1 - recipe.beta1);
        for (const { name, offset, size } of layout.slots) {
          const gradient = state.firstMoments.subarray(offset, offset + size);
          const { norm, product } = run.gradients[name]!;
          near(unclip * Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0)), norm, 1e-6);
          near(unclip * gradient.reduce((sum, x, j) => sum + x * Math.cos(j), 0), product, 1e-5 * norm + 1e-6);
        }
      }
      for (const [i, actual] of (await score(examples)).entries()) near(actual, run.scores_after[i]!, 1e-4);
    },
  );
});

it("repeats bit for bit, with dropout too", async () => {
  const run = async () => {
    const { step, state, close } = await create({ dropout: 0.3 });
    for (let i = 1; i <= 3; i++) await step({ examples, step: i, dropoutSeed: 1000 + i }, recipe.lr);
    await close();
    return Array.from(state.parameters);
  };
  const [one, two] = [await run(), await run()];
  expect(two).toEqual(one);
});

it.each([
  { family: "bert", head: "cls" },
  { family: "electra", head: "mean" },
  { family: "mpnet", head: "cls" },
] as const)("draws the same dropout masks with any number of workers, and others from another seed ($family, $head)", async (model) => {
  const lossWith = async (workers: number, seed: number) => {
    const { step, close } = await create({ workers, dropout: 0.3 }, model);
    const { loss } = await step({ examples, step: 1, dropoutSeed: seed }, recipe.lr);
    await close();
    return loss;
  };
  const one = await lossWith(1, 7);
  near(await lossWith(3, 7), one);
  expect(Math.abs((await lossWith(1, 8)) - one)).toBeGreaterThan(1e-3);
});

it("does not update the parameters if the gradient is not finite", async () => {
  const { step, state } = await create();
  const before = Array.from(state.parameters);
  const broken = [...examples.slice(1), { ...examples[0]!, target: Number.NaN }];
  const { gradientNorm } = await step({ examples: broken, step: 1, dropoutSeed: 0 }, recipe.lr);
  expect(gradientNorm).toBeNaN();
  expect(Array.from(state.parameters)).toEqual(before);
});

it("deals every example once, and about the same number of tokens to each worker", () => {
  const batch = Array.from({ length: 17 }, (_, i) => ({ id: "", ids: Array<number>(10 + ((i * 37) % 50)).fill(1), target: 0 }));
  const dealt = dealMicroBatches(batch, 2, 4);
  expect(
    dealt
      .flat()
      .flatMap(({ indices }) => indices)
      .sort((a, b) => a - b),
  ).toEqual(batch.map((_, i) => i));
  const lengths = dealt.map((microBatches) => microBatches.map(({ examples }) => examples.map(({ ids }) => ids.length)));
  expect(Math.max(...lengths.flat().map((microBatch) => microBatch.length))).toBeLessThanOrEqual(4);
  const tokens = lengths.map((microBatches) => microBatches.flat().reduce((sum, length) => sum + length, 0));
  expect(Math.abs(tokens[0]! - tokens[1]!)).toBeLessThanOrEqual(60);
});
