import { describe, expect, it } from "vitest";
import { createRandom } from "../../lib/math/random.js";
import type { TrainingRecord } from "../../lib/repository/training-record.js";
import type { GateRows } from "./rows.js";
import { makeTables } from "./score-tables.js";

const random = createRandom(2);
const training = Array.from({ length: 200 }, (_, i) => {
  const target = random.normal();
  const hard = target < 0 ? "incomprehensibility necessitates clarification " : "the cat sat ";
  return { id: String(i), excerpt: `${hard.repeat(5)}.`, target, standardError: undefined, row: i + 2 };
});
const targets = Array.from({ length: 40 }, (_, i) => i / 20);
const rows: GateRows = {
  source: "x",
  windows: targets.map(() => ({ ids: [[1]], weights: [1] })),
  excerpts: [],
  targets,
  unseen: true,
  training,
  warnings: [],
};
const scores = { rows: targets.map((target, i) => target + (i + 1) / 100), excerpts: [] };

describe("makeTables", () => {
  it("has intervals by held-out errors, percentiles and grades by the training passages", () => {
    const { intervals, percentiles, grades, data } = makeTables(undefined, rows, scores);
    expect(intervals!.map(({ half_width }) => half_width)).toEqual([0.33, 0.37, 0.39].map((width) => expect.closeTo(width, 9)));
    expect(percentiles![50]).toBeCloseTo(training.map(({ target }) => target).sort((a, b) => a - b)[100]!, 1);
    expect(grades![0]!.grade).toBeGreaterThan(grades!.at(-1)!.grade);
    expect(data).toBeUndefined();
  });

  it("has wider intervals for excerpts, whose errors are larger", () => {
    const windows = (tokens: number) => ({ ids: [[1]], weights: [tokens] });
    const targets = Array.from({ length: 120 }, (_, i) => i / 60);
    const excerpts = [targets.map((_, row) => ({ row, windows: windows(4) })), [{ row: 7, windows: windows(90) }]];
    const scores = {
      rows: targets.map((target, i) => target + (i % 2 ? 0.5 : -0.5)),
      excerpts: [...targets.map((target, i) => target + (i % 2 ? 1.5 : -1.5)), 9], // the group of one says too little
    };
    const { spread } = makeTables(undefined, { ...rows, windows: targets.map(() => windows(200)), targets, excerpts }, scores);
    expect(spread!.tokens).toEqual([
      { tokens: 4, factor: 3 },
      { tokens: 200, factor: 1 },
    ]);
  });

  it.each<[string, Partial<GateRows>]>([
    ["rows that may have been in training", { unseen: false }],
    ["rows without targets", { targets: undefined as never }],
  ])("has no intervals by %s", (_, change) => {
    expect(makeTables(undefined, { ...rows, ...change }, scores).intervals).toBeUndefined();
  });

  it("takes from the record what the passages here do not tell", () => {
    const tables = { percentiles: Array<number>(101).fill(7), intervals: [{ coverage: 0.8, half_width: 0.7 }] };
    const record = { data: { file: "x", fingerprint: "f00d", rows: 9 }, validation: { rows: 2, rmse: 0.5 }, tables } as TrainingRecord;
    const nothing = { ...rows, unseen: false, training: [] };
    expect(makeTables(record, nothing, scores)).toEqual({ ...tables, data: { fingerprint: "f00d", rows: 9 }, validation_rmse: 0.5 });
    expect(makeTables(record, rows, scores).intervals).toHaveLength(3);
    expect(makeTables(record, rows, scores).percentiles).not.toContain(7);
  });

  it("has nothing where nothing is known", () => {
    expect(makeTables(undefined, { ...rows, unseen: false, training: [] }, scores)).toEqual({});
  });
});
