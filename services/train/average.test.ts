import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeCheckpoint } from "../../lib/bert/checkpoint.js";
import { parseConfig } from "../../lib/bert/config.js";
import { listParameters, sizeOf } from "../../lib/bert/parameters.js";
import type { Log } from "../../lib/cli/log.js";
import { parseOptions } from "../../lib/cli/options.js";
import { readPassages } from "../../lib/data/dataset.js";
import { holdOut } from "../../lib/data/split.js";
import { openModel } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { createTinyTraining, type TinyTraining } from "../../test/tiny-training.js";
import { averageCheckpoints } from "./average.js";
import { fillSettings, options } from "./options.js";

let tiny: TinyTraining;
beforeAll(async () => {
  tiny = createTinyTraining();
  await tiny.run("one", "--lr", "0.01");
  await tiny.run("two", "--lr", "0.03", "--epochs", "2");
  await tiny.run("seed", "--seed", "5");
});
afterAll(() => tiny.remove());

/** Averages in this process; answers what it logs. */
async function average(out: string, names: readonly string[], ...more: string[]): Promise<string> {
  const lines: string[] = [];
  const log = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) } as unknown as Log;
  const argv = ["--data", tiny.data, "--out", tiny.path(out), "--average", ...names.map((name) => tiny.path(name)), ...more];
  await averageCheckpoints(fillSettings(parseOptions("train", options, argv, {})), log);
  return lines.join("\n");
}

describe("--average", { timeout: 240_000 }, () => {
  it("writes the mean of all weights, its record, and its RMSE on what none of them has seen", async () => {
    const { code, stdout, stderr } = await tiny.run("mean", "--average", tiny.path("one"), tiny.path("two"));
    expect(code, stderr).toBe(0);
    expect(stdout).toBe("");
    const [mean, one, two] = [tiny.weights("mean"), tiny.weights("one"), tiny.weights("two")];
    expect([...mean.keys()]).toEqual([...one.keys()]);
    for (const [name, { data }] of mean)
      for (const [i, value] of data.entries()) expect(value).toBe(Math.fround((one.get(name)!.data[i]! + two.get(name)!.data[i]!) / 2));
    const record = tiny.record("mean");
    expect(record.averaged).toEqual(
      ["one", "two"].map((name) => ({
        folder: tiny.path(name),
        rmse: tiny.record(name).validation.rmse,
        seed: 0,
        validation_fraction: 0.1,
      })),
    );
    expect(record).toMatchObject({ steps: 10 + 20, epochs: [], max_length: 32 });
    const { passages } = readPassages(tiny.data, { targets: true });
    const held = holdOut(passages, [{ seed: 0, validation_fraction: 0.1 }]);
    const { engine, tokenizer } = await openModel(tiny.path("mean"), { workers: 1 });
    const scheduler = createScheduler();
    const scores = await Promise.all(held.map((i) => scheduler.score(engine, tokenizer.encodeTruncated(passages[i]!.excerpt, 32))));
    await engine.close();
    const squares = held.map((i, j) => (scores[j]! - passages[i]!.target) ** 2);
    expect(record.validation).toEqual({
      rows: held.length,
      rmse: expect.closeTo(Math.sqrt(squares.reduce((a, b) => a + b) / held.length), 9),
    });
    expect(stderr).toContain(`validation RMSE of the average ${record.validation.rmse.toFixed(4)} (unseen passages: 10)`);
  });

  it("takes folders by commas and averages of averages, and gives a checkpoint's weights back where all are the same", async () => {
    await average("same", [["one", tiny.path("one"), tiny.path("one")].join(",")]);
    expect(tiny.read("same").equals(tiny.read("one"))).toBe(true);
    await average("nested", ["same", "two"]);
    expect(tiny.record("nested").averaged).toHaveLength(4);
  });

  it("takes the place of a model from before, with nothing left of that one's run", async () => {
    cpSync(tiny.path("seed"), tiny.path("reused"), { recursive: true });
    await average("reused", ["one", "two"]);
    await average("fresh", ["one", "two"]);
    expect(readdirSync(tiny.path("reused")).sort()).toEqual(readdirSync(tiny.path("fresh")).sort());
    expect(tiny.read("reused").equals(tiny.read("fresh"))).toBe(true);
    expect(readdirSync(tiny.path("fresh"))).not.toContain("report.html");
    expect(readdirSync(tiny.path("seed"))).toContain("report.html");
  });

  it("measures on what all held out alone: nothing where folds meet, or where the data is another's", async () => {
    await tiny.run("folds", "--folds", "2");
    const folds = ["folds/fold-1", "folds/fold-2"];
    expect(await average("of-folds", folds)).toContain("no passage is unseen by all checkpoints; the average is not measured");
    const { validation } = tiny.record("of-folds");
    expect(validation.rows).toBe(0);
    expect(validation.rmse).toBeCloseTo((tiny.record(folds[0]!).validation.rmse + tiny.record(folds[1]!).validation.rmse) / 2, 12);

    const { passages } = readPassages(tiny.data, { targets: true });
    const both = holdOut(passages, [0, 5].map((seed) => ({ seed, validation_fraction: 0.1 }))); // biome-ignore format: one line
    await average("of-seeds", ["one", "seed"]);
    expect(tiny.record("of-seeds").validation.rows).toBe(both.length);

    await tiny.run("same-split", "--seed", "6", "--split-seed", "5");
    await average("of-seeds-of-one-split", ["seed", "same-split"]);
    expect(tiny.record("of-seeds-of-one-split").validation.rows).toBe(tiny.record("seed").validation.rows);
    expect(tiny.record("same-split")).toMatchObject({ seed: 6, split_seed: 5 });
    expect(tiny.read("same-split").equals(tiny.read("seed"))).toBe(false);

    writeFileSync(tiny.path("other.csv"), `${readFileSync(tiny.data, "utf8")}\n`);
    expect(await average("of-other", ["one", "two"], "--data", tiny.path("other.csv"))).toMatch(
      /one was not trained on .*other\.csv; the average is not measured/,
    );
  });

  it("refuses what cannot be averaged, and leaves nothing behind", async () => {
    const refused = async (names: readonly string[], message: RegExp) => {
      await expect(average("refused", names)).rejects.toThrow(message);
      expect(existsSync(tiny.path("refused"))).toBe(false);
    };
    const copy = (name: string) => cpSync(tiny.path("one"), tiny.path(name), { recursive: true });
    copy("no-record");
    rmSync(tiny.path("no-record", "training.json"));
    await refused(["one", "no-record"], /no-record has no training\.json.*Use checkpoints that readability train wrote/);

    copy("narrow");
    const source = JSON.parse(readFileSync(tiny.path("one", "config.json"), "utf8"));
    const config = parseConfig(JSON.stringify({ ...source, intermediate_size: 48 }), "config.json");
    const weights = new Map(listParameters(config).map(({ name, shape }) => [name, { shape, data: new Float32Array(sizeOf(shape)) }]));
    writeCheckpoint(tiny.path("narrow"), { config, weights });
    await refused(["one", "narrow"], /narrow cannot be averaged with .*one: intermediate is 48, not 64\. Use checkpoints/);

    copy("longer");
    const record = { ...tiny.record("one"), max_length: 48 };
    writeFileSync(tiny.path("longer", "training.json"), JSON.stringify(record));
    await refused(["one", "longer"], /max_length is 48, not 32/);

    copy("words");
    writeFileSync(tiny.path("words", "tokenizer.json"), readFileSync(tiny.path("one", "tokenizer.json"), "utf8").replace('"cat"', '"dog"'));
    await refused(["one", "words"], /its tokenizer\.json differs/);

    copy("missing");
    writeCheckpoint(tiny.path("missing"), {
      config: parseConfig(JSON.stringify(source), ""),
      weights: new Map([...tiny.weights("one")].slice(1)),
    });
    await refused(["one", "missing"], /has no tensor bert\.embeddings\.word_embeddings\.weight/);
  });
});
