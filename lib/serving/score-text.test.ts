import { expect, it } from "vitest";
import { fakeEngine, sumEngine, sumScore, wordTokenizer } from "../../test/fakes.js";
import type { Engine } from "./engine.js";
import { createScheduler } from "./scheduler.js";
import { scoreText } from "./score-text.js";

const sentence = (words: number) => ` ${"The ".repeat(words - 1)}end.`;
const text = Array.from({ length: 60 }, (_, i) => sentence(3 + (i % 7))).join("");
const modelOf = (engine: Engine, maxLength = 12) => ({ engine, tokenizer: wordTokenizer, maxLength });

/** An engine that counts its windows, each of which takes a moment. */
function countingEngine(score: (ids: readonly number[]) => number = sumScore) {
  const counts = { calls: 0, running: 0, most: 0 };
  const engine = fakeEngine(async (ids) => {
    counts.calls++;
    counts.most = Math.max(counts.most, ++counts.running);
    await new Promise((resolve) => setTimeout(resolve, ids.length % 3));
    counts.running--;
    return score(ids);
  });
  return { counts, engine };
}

it("gives a text that fits the score of its only window", async () => {
  const ids = wordTokenizer.encode("The cat sat.");
  expect(await scoreText(createScheduler(), modelOf(sumEngine), "The cat sat.")).toEqual({ score: sumScore(ids), tokens: 3, windows: 1 });
});

it("runs some windows at a time and gives the same score each time", async () => {
  const { counts, engine } = countingEngine();
  const first = await scoreText(createScheduler(), modelOf(engine), text);
  expect(first.windows).toBeGreaterThan(10);
  expect(counts).toEqual({ calls: first.windows, running: 0, most: 4 });
  expect(await scoreText(createScheduler(), modelOf(sumEngine), text)).toEqual(first);
});

it("runs no more windows once one failed", async () => {
  const { counts, engine } = countingEngine(() => {
    throw new Error("lost");
  });
  const scheduler = createScheduler();
  await expect(scoreText(scheduler, modelOf(engine), text)).rejects.toThrow("lost");
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(counts.calls).toBeLessThanOrEqual(4);
  expect(scheduler.stats).toMatchObject({ queued: 0, running: 0 });
});

it("hands its limits on", async () => {
  const signal = AbortSignal.abort("gone");
  await expect(scoreText(createScheduler(), modelOf(sumEngine), "cat", { signal })).rejects.toBe("gone");
});
