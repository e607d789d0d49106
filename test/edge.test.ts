import { afterAll, beforeAll, expect, it } from "vitest";
import { places } from "../lib/cli/paths.js";
import { readPassages } from "../lib/data/dataset.js";
import { type Model, openModel } from "../lib/serving/model.js";
import { createScheduler } from "../lib/serving/scheduler.js";
import { scoreText } from "../lib/serving/score-text.js";
import { shipped } from "../lib/system/package-files.js";

let model: Model;
beforeAll(async () => {
  model = await openModel(shipped("models/readability-minilm"));
});
afterAll(() => model?.engine.close());

const { passages } = readPassages(places.sample, { targets: false });
/** Each of several passages of about one level, far apart in the sample. */
const texts = Array.from({ length: 10 }, (_, i) => [0, 8, 16, 24, 32, 40].map((k) => passages[(i * 7 + k) % passages.length]!.excerpt).join("\n\n")); // biome-ignore format: one line

it.each(texts.map((text, i) => ({ i, text })))("a word more than fits in a window hardly changes the score (text $i)", async ({ text }) => {
  const words = text.match(/\s*\S+/g)!;
  const start = (count: number) => words.slice(0, count).join("");
  const fits = words.findIndex((_, i) => model.tokenizer.encode(start(i + 1)).length > model.maxLength);
  const [whole, longer] = await Promise.all([fits, fits + 1].map((count) => scoreText(createScheduler(), model, start(count))));
  expect([whole!.windows, longer!.windows]).toEqual([1, 2]);
  expect(Math.abs(longer!.score - whole!.score)).toBeLessThanOrEqual(0.1);
});
