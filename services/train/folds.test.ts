import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPassages } from "../../lib/data/dataset.js";
import { holdOut, splitFolds } from "../../lib/data/split.js";
import { listSplits } from "../../lib/repository/training-record.js";
import { openModel } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import type { Finished } from "../../test/commands.js";
import { createTinyTraining, type TinyTraining } from "../../test/tiny-training.js";

let tiny: TinyTraining;
let whole: Finished;
beforeAll(async () => {
  tiny = createTinyTraining();
  whole = await tiny.run("whole", ...options);
});
afterAll(() => tiny.remove());

const options = ["--folds", "3", "--epochs", "3", "--lr", "0.01"];
const linesOf = (out: string) => readFileSync(tiny.path(out, "predictions.csv"), "utf8").trim().split("\n");
const summaryOf = (out: string) => JSON.parse(readFileSync(tiny.path(out, "folds.json"), "utf8"));

it("more folds than passages are wrong usage, with the number of passages", async () => {
  const { code, stderr } = await tiny.run("many", "--folds", "400");
  expect(code).toBe(2);
  expect(stderr).toContain(`--folds 400 is more than the number of different passages in ${tiny.data}, which is 96.`);
});

describe("--folds", { timeout: 240_000 }, () => {
  it("writes a checkpoint per fold, the score of every passage by the model that has not seen it, and a summary", async () => {
    const { code, stdout, stderr } = whole;
    expect(code, stderr).toBe(0);
    const { passages } = readPassages(tiny.data, { targets: true });
    const foldOf = splitFolds(passages, 3, 0);
    const cells = linesOf("whole").map((line) => line.split(","));
    expect(cells[0]).toEqual(["id", "target", "score", "fold"]);
    expect(cells.slice(1).map(([id, target, , fold]) => [id, Number(target), Number(fold) - 1])).toEqual(
      passages.map(({ id, target }, i) => [id, target, foldOf[i]]),
    );
    for (const number of [1, 2, 3]) {
      const record = tiny.record(`whole/fold-${number}`);
      const held = holdOut(passages, listSplits(record));
      expect(record).toMatchObject({ fold: { number, of: 3 }, seed: 0 });
      expect(held).toEqual([...foldOf.keys()].filter((i) => foldOf[i] === number - 1));
      const model = await openModel(tiny.path(`whole/fold-${number}`), { workers: 1 });
      for (const i of held.slice(0, 3)) {
        const ids = model.tokenizer.encodeTruncated(passages[i]!.excerpt, 32);
        expect(await createScheduler().score(model.engine, ids)).toBeCloseTo(Number(cells[i + 1]![2]), 4);
      }
      await model.engine.close();
    }
    const squares = cells.slice(1).map(([, target, score]) => (Number(score) - Number(target)) ** 2);
    const rmse = Math.sqrt(squares.reduce((a, b) => a + b) / 96);
    const summary = summaryOf("whole");
    expect(summary).toMatchObject({ rows: 96, interval: { level: 0.95, resamples: 9999, method: "percentile bootstrap over passages" } });
    expect(summary.rmse).toBeCloseTo(rmse, 6);
    expect(summary.interval.low).toBeLessThan(rmse);
    expect(summary.interval.high).toBeGreaterThan(rmse);
    expect(summary.folds.map(({ rmse }: { rmse: number }, i: number) => rmse - tiny.record(`whole/fold-${i + 1}`).validation.rmse)).toEqual(
      [0, 0, 0].map((zero) => expect.closeTo(zero, 9)),
    );
    expect(stdout.match(/\| Epoch \| Training Loss/g)).toHaveLength(3);
    expect(stdout).toContain(`| all | 96 | ${rmse.toFixed(4)} |`);
    expect(stdout).toMatch(/RMSE of all: 95 % interval \d\.\d{4} to \d\.\d{4} \(percentile bootstrap over passages, 9999 resamples\)\n$/);
    expect(existsSync(tiny.path("whole", "folds-state.json"))).toBe(false);
  });

  it("resumes after kill -9 in the same fold, to the same bits, and does not train finished folds again", async () => {
    await tiny.runUntil(12, "killed", options, "fold-2");
    const first = tiny.read("killed/fold-1", "metrics.jsonl");
    const { code, stdout, stderr } = await tiny.run("killed", ...options, "--resume");
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain("fold 1 of 3");
    expect(stderr).toMatch(/fold 2 of 3.*from step 12/s);
    expect(stdout.match(/\| Epoch \| Training Loss/g)).toHaveLength(2);
    expect(tiny.read("killed/fold-1", "metrics.jsonl").equals(first)).toBe(true);
    for (const number of [1, 2, 3]) expect(tiny.read(`killed/fold-${number}`).equals(tiny.read(`whole/fold-${number}`))).toBe(true);
    expect(linesOf("killed")).toEqual(linesOf("whole"));
    expect(summaryOf("killed")).toEqual(summaryOf("whole"));
  });

  it("refuses to resume with other options or from a damaged state, and refuses folds that are too small", async () => {
    await tiny.runUntil(3, "other", [...options, "--seed", "1"], "fold-2");
    const { code, stderr } = await tiny.run("other", ...options, "--seed", "2", "--resume");
    expect(code).toBe(1);
    expect(stderr).toMatch(/folds-state\.json was saved by a different run: seed was 1, is 2/);
    writeFileSync(tiny.path("other", "folds-state.json"), '{"identity":{},"finished":[[{"id":"a"}]]}');
    const damaged = await tiny.run("other", ...options, "--seed", "1", "--resume");
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toMatch(
      /folds-state\.json is invalid: finished\[0\]\[0\]\.target is missing.*Delete it to train all folds again/s,
    );
    expect((await tiny.run("small", ...options, "--batch", "80")).stderr).toMatch(
      /has too few passages: 64 for training, where a batch takes 80, and 32 for validation/,
    );
    expect((await tiny.run("small", "--folds", "1")).stderr).toMatch(/--folds must be 0 or at least 2, found "1"/);
    expect(existsSync(tiny.path("small"))).toBe(false);
  });
});
