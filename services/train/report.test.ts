import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../lib/math/random.js";
import type { TrainingRecord } from "../../lib/repository/training-record.js";
import { scoreBaselines } from "./baselines.js";
import { type HeldOut, renderReport } from "./report.js";

const random = createRandom(5);
const words = ["cat", "sat", "on", "the", "extraordinarily", "unimaginable", "mat"];
const draw = (i: number): HeldOut => {
  const target = random.normal();
  const excerpt = `${Array.from({ length: 30 }, () => words[random.int(words.length)]).join(" ")}.`;
  return { id: `p${i}`, target, score: target + random.normal() / 4, excerpt, tokens: 20 + random.int(80) };
};
const training = Array.from({ length: 50 }, (_, i) => draw(i));
const record = (steps: number, epochs: number): TrainingRecord => ({
  ...{ producer: "readability-scoring 1.2.3", base: "a/base", seed: 0, max_length: 64, validation_fraction: 0.1 },
  data: { file: "train.csv", fingerprint: "f00d", rows: 99 },
  recipe: { batch: 8, clip: 1, loss: "mse" },
  epochs: Array.from({ length: epochs }, (_, i) => ({ epoch: i + 1, training_loss: 1 / (i + 1), validation_loss: 1, rmse: 1 })),
  choices: { selected: "average", last: 0.53, best: 0.52, best_epoch: 2, average: 0.51 },
  ...{ validation: { rows: 1, rmse: 1 }, steps, workers: 2, seconds: 9, tokens_per_second: 1000 },
});
const stepAt = (_: unknown, i: number) => ({
  ...{ step: i + 1, epoch: 1, loss: 1 / (i + 1), learning_rate: 1e-4, gradient_norm: 2, tokens: 100, seconds: 0.1 },
});
const render = (heldOut: readonly HeldOut[], { steps = 40, epochs = 3 } = {}) =>
  renderReport({
    record: record(steps, epochs),
    steps: Array.from({ length: steps }, stepAt),
    heldOut,
    baselines: scoreBaselines(
      Array.from({ length: 50 }, (_, i) => draw(i)),
      heldOut,
    ),
  });
const rowsOf = (page: string, id: string) =>
  [...new RegExp(`<h2 id="${id}".*?</section>`, "s").exec(page)![0].matchAll(/<tr>(.*?)<\/tr>/g)]
    .slice(1)
    .map(([, row]) => [...row!.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell!));

describe("the report", () => {
  const heldOut = Array.from({ length: 60 }, (_, i) => draw(i));
  const page = render(heldOut);

  it("needs nothing but itself", () => {
    expect(page).not.toMatch(/<script|<link|<iframe|@import|url\((?!#)|(src|href)="(?!#)/);
    expect(page.match(/<svg /g)).toHaveLength(10);
    expect(page.match(/<svg role="img" aria-label="[^"]+"/g)).toHaveLength(10);
    for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
  });

  it("compares the model with the baselines", () => {
    const [model, flesch, middle] = rowsOf(page, "compared").map(([, rmse, interval]) => ({ rmse: Number(rmse), interval: interval!.split(" to ").map(Number) })); // biome-ignore format: one line
    expect(model!.rmse).toBeCloseTo(Math.sqrt(heldOut.reduce((sum, { score, target }) => sum + (score - target) ** 2, 0) / 60), 3);
    for (const { rmse, interval } of [model!, flesch!, middle!]) {
      expect(interval[0]).toBeLessThan(rmse);
      expect(interval[1]).toBeGreaterThan(rmse);
    }
    expect(model!.rmse).toBeLessThan(flesch!.rmse);
  });

  it("says plainly whether the model is better or worse than the baselines", () => {
    const facts = (page: string) =>
      [...page.matchAll(/<dt>((?:Better|Worse)[^<]*)<\/dt><dd>([^<]*)</g)].map(([, name, value]) => [name, value]);
    expect(facts(page)).toEqual([["Better than a readability formula by", expect.stringMatching(/^\d+ %$/)]]);
    const bad = render(heldOut.map((passage) => ({ ...passage, score: passage.target + 5 })));
    expect(facts(bad)).toEqual([
      ["Worse than a readability formula by", expect.stringMatching(/^\d{3} %$/)],
      ["Worse than always the mean by", expect.stringMatching(/^\d{3} %$/)],
    ]);
  });

  it("says what each choice of weights gives, and which one was written", () => {
    expect(rowsOf(page, "training").slice(-3)).toEqual([
      ["after the last step", "0.5300", ""],
      ["after the best epoch, 2", "0.5200", ""],
      ["moving average", "0.5100", "written"],
    ]);
  });

  it("lists the twenty passages with the largest errors, the largest first", () => {
    const rows = rowsOf(page, "largest-errors");
    const order = heldOut.toSorted((a, b) => Math.abs(b.score - b.target) - Math.abs(a.score - a.target));
    expect(rows.map(([id]) => id)).toEqual(order.slice(0, 20).map(({ id }) => id));
    expect(rows[0]![4]).toBe(`${order[0]!.excerpt.split(" ").slice(0, 16).join(" ")} …`);
  });

  it("shows a text as it is, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        const [plain, evil] = ["x", `<script>"'&${text}`].map((id) => render([{ ...training[0]!, id, excerpt: id }]));
        const countTags = (page: string) => page.replace(/<svg.*?<\/svg>/gs, "").match(/<[a-z/]/g)!.length;
        expect(countTags(evil!)).toBe(countTags(plain!));
      }),
      { numRuns: 10 },
    );
  });
});

it.each([
  ["one step of one epoch", 30, { steps: 1, epochs: 1 }],
  ["one passage", 1, {}],
  ["passages that all score the same", -5, {}],
])("there is a report of %s", (_, count, run) => {
  const heldOut = Array.from({ length: Math.abs(count) }, (_, i) => ({ ...draw(i), ...(count < 0 ? { score: 0.5, tokens: 9 } : {}) }));
  const page = render(heldOut, run);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  expect(page.match(/<svg /g)).toHaveLength(10);
});
