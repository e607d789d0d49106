import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readCheckpoint } from "../../lib/bert/checkpoint.js";
import { shipped } from "../../lib/system/package-files.js";
import type { Example } from "../../lib/training/batch.js";
import { createTrainer, type Trainer, type TrainerOptions } from "../../lib/training/trainer.js";
import { createTinyTraining, type TinyTraining } from "../../test/tiny-training.js";

interface Fixture {
  readonly rows: readonly { readonly ids: number[]; readonly target: number }[];
  readonly recipe: Readonly<Record<"lr" | "beta1" | "beta2" | "epsilon" | "weight_decay" | "clip", number>>;
}

const fixture = JSON.parse(readFileSync(shipped("test/fixtures/tiny-training.json"), "utf8")) as Fixture;
const { recipe } = fixture;
const examples: readonly Example[] = fixture.rows.map((row, i) => ({ id: String(i), ...row }));
const adamw = { beta1: recipe.beta1, beta2: recipe.beta2, epsilon: recipe.epsilon, weightDecay: recipe.weight_decay };
const checkpoint = readCheckpoint(shipped("test/fixtures/tiny-bert"));

let open: Trainer[] = [];
const create = async (options: Partial<TrainerOptions>) => {
  const trainer = await createTrainer(checkpoint, {
    workers: 2,
    ...adamw,
    loss: "mse",
    clip: recipe.clip,
    dropout: 0,
    microBatch: 2,
    ...options,
  });
  open.push(trainer);
  return trainer;
};
afterEach(async () => {
  await Promise.all(open.map((trainer) => trainer.close()));
  open = [];
});

it("moves each parameter by its layer's share of its move without decay", async () => {
  const decay = 0.7;
  const [full, decayed] = [await create({}), await create({ layerDecay: decay })];
  const before = full.state.parameters.slice();
  for (const { step } of [full, decayed]) await step({ examples, step: 1, dropoutSeed: 0 }, recipe.lr);
  const { layers } = checkpoint.config;
  for (const { name, offset, size } of full.layout.slots) {
    const layer = /layer\.(\d+)\./.exec(name)?.[1];
    const share = name.includes("embeddings") ? decay ** (layers + 1) : layer ? decay ** (layers - Number(layer)) : 1;
    for (let i = offset; i < offset + size; i++) {
      const move = ({ state }: Trainer) => state.parameters[i]! - before[i]!;
      expect(Math.abs(move(decayed) - share * move(full)), name).toBeLessThan(3e-7); // rounding of weights around 1
    }
  }
});

describe("runs with several recipes at once", { timeout: 240_000 }, () => {
  let tiny: TinyTraining;
  beforeAll(() => {
    tiny = createTinyTraining();
  });
  afterAll(() => tiny.remove());

  /** Runs and checks that it succeeds; returns its log. */
  async function run(out: string, ...more: string[]): Promise<string> {
    const { code, stderr } = await tiny.run(out, ...more);
    expect(code, stderr).toBe(0);
    return stderr;
  }

  it("resume after kill -9 to the same weights and record, bit for bit", async () => {
    const recipes = ["--layer-decay", "0.8", "--ema", "0.9", "--select", "best", "--weighting", "inverse-variance", "--dropout", "0.1"];
    const more = [...recipes, "--epochs", "4", "--lr", "0.05", "--loss", "rmse"];
    await run("straight", ...more);
    await tiny.runUntil(13, "killed", more);
    expect(await run("killed", ...more, "--resume")).toMatch(/from step 13/);
    expect(tiny.read("killed").equals(tiny.read("straight"))).toBe(true);
    const { epochs, choices, recipe } = tiny.record("straight");
    expect(tiny.record("killed")).toMatchObject({ epochs, choices, recipe });
    expect(recipe).toMatchObject({ layer_decay: 0.8, ema: 0.9, weighting: "inverse-variance", loss: "rmse" });
  });

  it("do so in a fold too, with a teacher and windows", async () => {
    const recipes = ["--layer-decay", "0.8", "--ema", "0.9", "--select", "average", "--weighting", "inverse-variance", "--dropout", "0.1"];
    const more = [...recipes, "--folds", "2", "--epochs", "2", "--lr", "0.05", "--teacher", tiny.path("teacher"), "--windows", "2"];
    await run("teacher", "--lr", "0.05");
    await run("folds", ...more);
    await tiny.runUntil(20, "killed-folds", more, "fold-2");
    expect(await run("killed-folds", ...more, "--resume")).toMatch(/fold 2 of 2.*from step 20/s);
    for (const file of ["fold-1/model.safetensors", "fold-2/model.safetensors", "predictions.csv", "folds.json"])
      expect(tiny.read("killed-folds", file).equals(tiny.read("folds", file)), file).toBe(true);
    for (const fold of ["fold-1", "fold-2"]) {
      const { epochs, choices, recipe, validation } = tiny.record(`folds/${fold}`);
      expect(tiny.record(`killed-folds/${fold}`)).toMatchObject({ epochs, choices, recipe, validation });
    }
  });

  it("change the trained weights", async () => {
    await run("plain");
    for (const recipe of ["--layer-decay 0.5", "--weighting inverse-variance"]) {
      await run("other", ...recipe.split(" "));
      expect(tiny.read("other").equals(tiny.read("plain")), recipe).toBe(false);
    }
  });

  it("refuse to resume with another recipe", async () => {
    await tiny.runUntil(3, "other-run", ["--epochs", "40", "--ema", "0.9"]);
    const { code, stderr } = await tiny.run("other-run", "--epochs", "40", "--ema", "0.8", "--layer-decay", "0.9", "--resume");
    expect(code).toBe(1);
    expect(stderr).toMatch(/was saved by a different run: layerDecay was 1, is 0.9; ema was 0.9, is 0.8/);
  });
});
