import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCheckpoint } from "../../lib/bert/checkpoint.js";
import { shipped } from "../../lib/system/package-files.js";
import type { Example } from "../../lib/training/batch.js";
import { createTrainer } from "../../lib/training/trainer.js";
import { createTinyTraining, type TinyTraining } from "../../test/tiny-training.js";

const fixture = JSON.parse(readFileSync(shipped("test/fixtures/tiny-training.json"), "utf8")) as { rows: Omit<Example, "id">[] };
const examples = fixture.rows.map((row, i) => ({ id: String(i), ...row }));
const adamw = { beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.1 };

it("averages the parameters of all steps, with any number of workers", async () => {
  const decay = 0.7;
  for (const workers of [1, 3]) {
    const checkpoint = readCheckpoint(shipped("test/fixtures/tiny-bert"));
    const trainer = await createTrainer(checkpoint, { workers, ...adamw, loss: "mse", clip: 1, dropout: 0, microBatch: 2, ema: decay });
    const { parameters, average } = trainer.state;
    const sum = new Float64Array(parameters.length);
    for (let step = 1; step <= 5; step++) {
      await trainer.step({ examples, step, dropoutSeed: 0 }, 0.01);
      for (let i = 0; i < sum.length; i++) sum[i] = decay * sum[i]! + (1 - decay) * parameters[i]!;
      const worst = sum.reduce((most, x, i) => Math.max(most, Math.abs(x / (1 - decay ** step) - average![i]!)), 0);
      expect(worst).toBeLessThan(1e-6);
    }
    const [plain, averaged] = [await trainer.score(examples), await trainer.score(examples, "average")];
    expect(Math.abs(plain[0]! - averaged[0]!)).toBeGreaterThan(1e-3);
    parameters.set(average!);
    expect(await trainer.score(examples)).toEqual(averaged);
    await trainer.close();
  }
});

describe("--ema", { timeout: 240_000 }, () => {
  let tiny: TinyTraining;
  beforeAll(() => {
    tiny = createTinyTraining();
  });
  afterAll(() => tiny.remove());
  const options = ["--lr", "0.01", "--epochs", "4", "--ema", "0.9"];

  it("does not change the training, and logs the average's RMSE after every epoch", async () => {
    await tiny.run("without", ...options.slice(0, 4));
    const { code, stdout, stderr } = await tiny.run("with", ...options);
    expect(code, stderr).toBe(0);
    expect(tiny.read("with").equals(tiny.read("without"))).toBe(true);
    expect(stdout.trim().split("\n")).toHaveLength(6);
    const { epochs, choices, validation } = tiny.record("with");
    for (const { epoch, average_rmse } of epochs)
      expect(stderr).toContain(`epoch ${epoch}: RMSE of the moving average ${average_rmse!.toFixed(4)}`);
    expect(choices!.average).toBe(epochs.at(-1)!.average_rmse);
    expect(validation.rmse).toBe(choices!.last);
    expect(tiny.record("without").choices).not.toHaveProperty("average");
  });

  it("resumes the average after kill -9, bit for bit; --select average writes it", async () => {
    const more = [...options, "--select", "average"];
    await tiny.run("last", ...options);
    await tiny.run("straight", ...more);
    await tiny.runUntil(12, "killed", more);
    const { code, stderr } = await tiny.run("killed", ...more, "--resume");
    expect(code, stderr).toBe(0);
    expect(tiny.read("killed").equals(tiny.read("straight"))).toBe(true);
    expect(tiny.read("straight").equals(tiny.read("last"))).toBe(false);
    const { choices, validation } = tiny.record("straight");
    expect(choices).toMatchObject({ selected: "average", average: validation.rmse });
    expect(tiny.record("killed").choices).toEqual(choices);
  });
});
