import { describe, expect, it } from "vitest";
import type { Engine } from "./engine.js";
import { createScheduler } from "./scheduler.js";
import { createTimeBudget, type TimeBudget } from "./time-budget.js";

/** An engine that says how long its windows took. */
function claimingEngine(seconds: number) {
  const counts = { runs: 0 };
  const engine: Engine = {
    free: Infinity,
    run: async (ids) => {
      counts.runs++;
      return { logit: ids[0]!, seconds };
    },
    ready: async () => true,
    close: async () => {},
  };
  return { counts, engine };
}

/** A text of windows of ten tokens; the first id is the logit. */
const textOf = (windows: number, logit = 1) => ({
  ids: Array.from({ length: windows }, () => [logit, ...new Array<number>(11).fill(0)]),
  weights: new Array<number>(windows).fill(10),
});

const score = (budget: TimeBudget, engine: Engine, ...texts: ReturnType<typeof textOf>[]) =>
  createScheduler().accept({}, (run) => budget.score(run, { engine }, texts, () => {}));

describe("a time budget", () => {
  it("scores texts that can be scored in time, each with its own windows", async () => {
    const budget = createTimeBudget(30_000);
    const { counts, engine } = claimingEngine(0.1);
    const scores = await score(budget, engine, textOf(1, 5), textOf(100, 2), textOf(40, 3));
    expect(scores.map(({ score, tokens, windows }) => [score, tokens, windows])).toEqual([
      [5, 10, 1],
      [2, 1000, 100],
      [3, 400, 40],
    ]);
    expect(counts.runs).toBe(141);
  });

  it("refuses soon what would take too long, and says how much would not", async () => {
    const budget = createTimeBudget(30_000);
    const { counts, engine } = claimingEngine(1); // four at a time: 40 tokens a second
    await expect(score(budget, engine, textOf(1000))).rejects.toMatchObject({
      code: "text-too-long",
      status: 413,
      message: expect.stringContaining("has 10000 tokens to score; this server scores about 1100 in 30 s"),
    });
    expect(counts.runs).toBe(32);
    expect((await score(budget, engine, textOf(105)))[0]!.windows).toBe(105);
  });

  it("knows for a while how many tokens can be scored in time", async () => {
    let time = 0;
    const budget = createTimeBudget(30_000, () => time);
    expect(budget.limit).toBeUndefined();
    await score(budget, claimingEngine(1).engine, textOf(33));
    expect(budget.limit).toEqual({ tokens: 1100, seconds: 30 });
    time = 9_999;
    expect(budget.limit).toBeDefined();
    time = 10_000;
    expect(budget.limit).toBeUndefined(); // the load may have changed
  });

  it("learns nothing from short texts, whose windows may not be full", async () => {
    const budget = createTimeBudget(30_000);
    await score(budget, claimingEngine(100).engine, textOf(32));
    expect(budget.limit).toBeUndefined();
  });
});
