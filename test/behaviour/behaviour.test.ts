import { basename } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCheckpoint } from "../../lib/bert/checkpoint.js";
import { measureRanges } from "../../lib/bert/ranges.js";
import { buildServingGraph } from "../../lib/bert/serving-graph.js";
import { findData, places } from "../../lib/cli/paths.js";
import { readPassages } from "../../lib/data/dataset.js";
import { fitLine } from "../../lib/math/statistics.js";
import { isSaturating } from "../../lib/onnx/saturation.js";
import { createLocalEngine } from "../../lib/serving/local-engine.js";
import { type Model, openModel } from "../../lib/serving/model.js";
import { readTextHere } from "../../lib/serving/reading.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { scoreText } from "../../lib/serving/score-text.js";
import { readingEase } from "../../lib/text/formulas.js";
import { bars, fleschLine } from "./bars.js";
import { measureForms, measureLevels, measureOrders, measureOutside, measurePairs, measureTraps, resists, type Score } from "./measure.js";
import { describeBehaviour } from "./page.js";
import { kinds, pairs, trapKinds, traps } from "./pairs.js";

const sample = readPassages(places.sample, { targets: false }).passages.map(({ id, excerpt }) => ({
  level: Number(id.at(-1)),
  text: excerpt,
}));

let models: Readonly<Record<"fp32" | "int8", Model>>;
beforeAll(async () => {
  const fp32 = await openModel(places.releasedModel);
  models = { fp32, int8: { ...fp32, engine: await openInt8(fp32) } };
}, 600_000);
afterAll(() => Promise.all(Object.values(models ?? {}).map(({ engine }) => engine.close())));

/** The graph that optimization tries first on this processor. */
async function openInt8({ tokenizer, maxLength }: Model) {
  const checkpoint = readCheckpoint(places.releasedModel);
  const ranges = await measureRanges(checkpoint, sample.map(({ text }) => tokenizer.encodeTruncated(text, maxLength)), 1); // biome-ignore format: one line
  return createLocalEngine({ graph: buildServingGraph(checkpoint, (await isSaturating()) ? "int7" : "int8", ranges), workers: 1 });
}

/** Scores as /predict does; each text once. */
function createScore(model: () => Model): Score {
  const scheduler = createScheduler();
  const known = new Map<string, Promise<number>>();
  return (text) => {
    const found = known.get(text) ?? scoreText(scheduler, model(), text).then(({ score }) => score);
    known.set(text, found);
    return found;
  };
}

const encode = (text: string) => JSON.stringify(readTextHere(models.fp32, text, {}).windows);
const fp32 = createScore(() => models.fp32);

it("has 60 pairs and 20 traps of 45 to 170 words, of every kind", () => {
  expect([pairs.length, traps.length]).toEqual([60, 20]);
  expect(new Set([...pairs, ...traps].map(({ id }) => id)).size).toBe(80);
  expect(new Set(pairs.map(({ kind }) => kind))).toEqual(new Set(Object.keys(kinds)));
  expect(new Set(traps.map(({ kind }) => kind))).toEqual(new Set(Object.keys(trapKinds)));
  for (const text of [...pairs, ...traps].flatMap(({ original, rewrite }) => [original, rewrite])) {
    const words = text.split(/\s+/).length;
    expect(words, text).toBeGreaterThanOrEqual(45);
    expect(words, text).toBeLessThanOrEqual(170);
  }
});

it.each(traps)("reading ease rises by 8 or more in the trap $id", ({ original, rewrite }) => {
  expect(readingEase(rewrite) - readingEase(original)).toBeGreaterThanOrEqual(8);
});

it.skipIf(findData() === undefined)("the line of Flesch is the one that the labelled passages give", () => {
  const { passages } = readPassages(findData()!, { targets: true });
  const line = fitLine(passages.map(({ excerpt }) => readingEase(excerpt)), passages.map(({ target }) => target)); // biome-ignore format: one line
  expect([line(0), line(1) - line(0)]).toEqual([expect.closeTo(fleschLine.intercept, 3), expect.closeTo(fleschLine.slope, 5)]);
});

describe.each(["fp32", "int8"] as const)("the released model in %s", (precision) => {
  const score = precision === "fp32" ? fp32 : createScore(() => models[precision]);

  it(`scores the easier rewrite higher in ${bars.pairs} of 60 pairs`, async () => {
    const wrong = (await measurePairs(score)).filter(({ rise }) => rise <= 0).map(({ id }) => id);
    expect(pairs.length - wrong.length, `wrong: ${wrong}`).toBeGreaterThanOrEqual(bars.pairs);
  }, 600_000);

  it(`rises by less than a third of what Flesch predicts in ${bars.traps} of 20 traps`, async () => {
    const fallenFor = (await measureTraps(score)).filter((trap) => !resists(trap)).map(({ id }) => id);
    expect(traps.length - fallenFor.length, `fallen for: ${fallenFor}`).toBeGreaterThanOrEqual(bars.traps);
  }, 600_000);

  it("ranks the sample by level", async () => {
    const { all, from3 } = await measureLevels(score, sample);
    expect(all).toBeGreaterThanOrEqual(bars.levels.all);
    expect(from3).toBeGreaterThanOrEqual(bars.levels.from3);
  }, 600_000);
});

it("gives every form of a text the same score", async () => {
  for (const { name, seen, texts, largest } of await measureForms(fp32, encode, sample)) {
    expect(texts, name).toBeGreaterThan(0);
    expect(largest, name).toBeLessThanOrEqual(seen ? bars.noise.seen : bars.noise.unseen);
  }
}, 600_000);

it("warns about texts that are no prose", async () => {
  for (const { name, expected, found } of await measureOutside(fp32)) expect(found, name).toEqual(expected);
}, 600_000);

it("does what docs/behaviour.md says", async () => {
  const page = describeBehaviour({
    model: basename(places.releasedModel),
    pairs: await measurePairs(fp32),
    traps: await measureTraps(fp32),
    levels: await measureLevels(fp32, sample),
    forms: await measureForms(fp32, encode, sample),
    outside: await measureOutside(fp32),
    orders: await measureOrders(fp32, sample),
  });
  await expect(page).toMatchFileSnapshot("../../docs/behaviour.md");
}, 600_000);
