import { cpSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPassages } from "../../lib/data/dataset.js";
import { splitPassages } from "../../lib/data/split.js";
import { mean, rootMeanSquare } from "../../lib/math/statistics.js";
import { openModel } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { createTinyTraining, type TinyTraining } from "../../test/tiny-training.js";
import { chooseScale } from "./scale.js";

describe("chooseScale", () => {
  const around = (middle: number, deviation: number) => [middle - deviation, middle + deviation];

  it("leaves labels like CommonLit's as they are", () => {
    for (const [middle, deviation] of [[-0.96, 1.03], [-1.9, 0.6], [1.9, 1.9], [0, 1]] as const) // biome-ignore format: one line
      expect(chooseScale(around(middle, deviation))).toBeUndefined();
  });

  it("standardizes others by their mean and standard deviation", () => {
    expect(chooseScale(around(50, 20))).toEqual({ mean: 50, deviation: 20 });
    expect(chooseScale(around(0.5, 0.25))).toEqual({ mean: 0.5, deviation: 0.25 });
    expect(chooseScale(around(2.5, 1))).toEqual({ mean: 2.5, deviation: 1 });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 2 }), (targets) => {
        const { mean: middle, deviation } = chooseScale([...targets, 0, 100])!;
        const standard = [...targets, 0, 100].map((target) => (target - middle) / deviation);
        expect(mean(standard)).toBeCloseTo(0, 9);
        expect(rootMeanSquare(standard)).toBeCloseTo(1, 9);
      }),
    );
  });
});

describe("labels from 0 to 100", () => {
  let tiny: TinyTraining;
  const rescaled = () => tiny.path("percent.csv");
  const learn = ["--lr", "0.003", "--epochs", "6"];
  beforeAll(async () => {
    tiny = createTinyTraining();
    const [header, ...rows] = readFileSync(tiny.data, "utf8").split(/\n(?=[a-z]+-\d+,")/);
    const percent = rows.map((row) => row.replace(/,([-\d.]+),([-\d.]+)$/, (_, target) => `,${(90 + 20 * Number(target)).toFixed(1)},0.5`));
    writeFileSync(rescaled(), [header, ...percent].join("\n"));
    const { code, stderr } = await tiny.run("percent", "--data", rescaled(), ...learn);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/labels have a mean of \d\d\.\d+ and a standard deviation of 2\d\.\d+: they are standardized/);
  });
  afterAll(() => tiny.remove());

  const passages = () => readPassages(rescaled(), { targets: true }).passages;

  it("are learned as well as labels on the usual scale", async () => {
    expect((await tiny.run("usual", ...learn)).code).toBe(0);
    const [usual, percent] = [tiny.record("usual"), tiny.record("percent")];
    expect(usual.scale).toBeUndefined();
    expect(percent.scale!.deviation).toBeGreaterThan(20);
    expect(percent.validation.rmse / 20).toBeGreaterThan(0.8 * usual.validation.rmse);
    expect(percent.validation.rmse / 20).toBeLessThan(1.2 * usual.validation.rmse);
    expect(percent.epochs.at(-1)!.training_loss / 400).toBeLessThan(1.3 * usual.epochs.at(-1)!.training_loss);
  });

  it("are what the checkpoint gives when it is served", async () => {
    const held = splitPassages(passages(), 0.1, 0).validation.map((i) => passages()[i]!);
    const { engine, tokenizer } = await openModel(tiny.path("percent"));
    const scheduler = createScheduler();
    const scores = await Promise.all(held.map(({ excerpt }) => scheduler.score(engine, tokenizer.encodeTruncated(excerpt, 32))));
    await engine.close();
    expect(rootMeanSquare(held.map(({ target }, i) => scores[i]! - target))).toBeCloseTo(tiny.record("percent").validation.rmse, 3);
  });

  it("stay when the checkpoint is trained further: it begins with its scores", async () => {
    cpSync(tiny.path("percent"), tiny.path("further"), { recursive: true });
    const { code, stderr } = await tiny.run(
      "again",
      "--data",
      rescaled(),
      "--base",
      tiny.path("further"),
      "--lr",
      "1e-9",
      "--max-steps",
      "1",
    );
    expect(code, stderr).toBe(0);
    expect(tiny.record("again").validation.rmse).toBeCloseTo(tiny.record("percent").validation.rmse, 3);
  });

  it("resume to the same bits, with a moving average", async () => {
    const more = ["--data", rescaled(), "--ema", "0.9", "--select", "average"];
    expect((await tiny.run("straight", ...more)).code).toBe(0);
    await tiny.runUntil(2, "killed", more);
    const { code, stderr } = await tiny.run("killed", ...more, "--resume");
    expect(code, stderr).toBe(0);
    expect(tiny.read("killed").equals(tiny.read("straight"))).toBe(true);
  });

  it("a model that is worse than the mean says so, with the baselines", async () => {
    const { code, stderr } = await tiny.run("diverged", "--data", rescaled(), "--lr", "0.5", "--epochs", "2");
    expect(code, stderr).toBe(0);
    const baseline = Number(/baselines: RMSE ([\d.]+) of always the mean, [\d.]+ of a line on Flesch reading ease/.exec(stderr)![1]);
    expect(baseline).toBeGreaterThan(15);
    expect(tiny.record("diverged").validation.rmse).toBeGreaterThan(baseline);
    expect(stderr).toMatch(/the model is worse than always answering the mean/);
    expect(tiny.read("diverged", "report.html").toString()).toMatch(/<dt>Worse than always the mean by<\/dt><dd>\d+ %/);
  });

  it("that are all the same are refused", async () => {
    const constant = tiny.path("constant.csv");
    writeFileSync(constant, ["excerpt,target", ...passages().map(({ excerpt }) => `"${excerpt.replaceAll('"', '""')}",50`)].join("\n"));
    const { code, stderr } = await tiny.run("constant", "--data", constant);
    expect(code).toBe(1);
    expect(stderr).toMatch(/constant\.csv: the targets of all \d+ training passages are 50, so there is nothing to learn\./);
  });
});
