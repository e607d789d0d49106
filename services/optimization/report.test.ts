import { expect, it } from "vitest";
import type { Precision } from "../../lib/bert/precisions.js";
import { readTiny } from "../../test/tiny-models.js";
import { compareScores } from "./accuracy.js";
import { formatTable } from "./candidates-table.js";
import type { GateResult } from "./gate.js";
import type { Outcome } from "./outcome.js";
import { renderReport } from "./report.js";

const layouts = [
  { sessions: 2, threads: 1 },
  { sessions: 1, threads: 2 },
] as const;
const exact = Array.from({ length: 60 }, (_, i) => Math.sin(i));

function resultOf(precision: Precision, error: number, passed: boolean): GateResult {
  const scores = exact.map((score, i) => score + error * Math.cos(7 * i));
  return { precision, scores, accuracy: compareScores(scores, exact, exact), passed };
}

/** What a search found that tried these, each measured in both layouts where it passed. */
function imagine(results: readonly GateResult[], { target = "cpu" as Outcome["target"], source = "rows.csv" } = {}): Outcome {
  const passed = results.filter((one) => one.passed);
  const trials =
    target === "gpu"
      ? []
      : passed.flatMap(({ precision }, i) => layouts.map((layout) => ({ precision, layout, throughputs: [20 * (i + 1)] })));
  const served = passed.at(-1)!;
  return {
    ...{ target, checkpoint: "f00d", references: [] },
    model: {
      folder: "m",
      checkpoint: readTiny("bert", "cls"),
      record: undefined,
      maxLength: 64,
      encode: () => [],
      readWindows: () => ({ ids: [], weights: [] }),
      padId: 0,
      base: "a/base",
    },
    rows: {
      source,
      windows: exact.map(() => ({ ids: [[1]], weights: [1] })),
      excerpts: [],
      targets: exact,
      unseen: true,
      training: [],
      warnings: [],
    },
    found: {
      gate: { results, bound: 0.02 },
      trials,
      kept: { precision: served.precision, layout: layouts[0] },
      served,
      excerpts: [],
      references: [],
    },
  };
}

const fp32 = resultOf("fp32", 0, true);
const cases: readonly (readonly [string, Outcome, number])[] = [
  ["int8 that passes", imagine([fp32, resultOf("int8", 0.01, true)]), 2],
  [
    "graphs that fail",
    imagine([fp32, resultOf("int8", 0.2, false), resultOf("int8-last", 0.1, false), resultOf("int8-ends", 0.01, true)]),
    2,
  ],
  ["scores that are not numbers", imagine([fp32, resultOf("int8", Number.NaN, false)]), 1],
  ["fp32 alone", imagine([fp32]), 1],
  ["a GPU", imagine([fp32, resultOf("fp16", 0.001, true)], { target: "gpu" }), 1],
];

it.each(cases)("is self-contained and has its charts: %s", (_, outcome, charts) => {
  const page = renderReport(outcome, {});
  expect(page).not.toMatch(/<script|<link|<iframe|@import|url\((?!#)|(src|href)="(?!#)|undefined|Infinity/);
  expect(page.replaceAll("<td>NaN</td>", "").replaceAll('<td class="number">NaN</td>', "")).not.toContain("NaN");
  expect(page.match(/<svg role="img" aria-label="[^"]+"/g)).toHaveLength(charts);
});

it("says what is served, how fast it is and what failed", () => {
  const page = renderReport(cases[1]![1], {});
  expect(page).toContain("<dt>Served</dt><dd>int8-ends, 2 x 1</dd>");
  expect(page).toContain("<dt>Speed-up over fp32</dt><dd>2.00</dd>");
  expect(page.match(/no: fails the gate/g)).toHaveLength(2);
  expect(renderReport(cases[4]![1], {})).toContain("speed on a GPU was not measured");
});

it("explains scores, if the data for it is known", () => {
  const tables = {
    percentiles: Array.from({ length: 101 }, (_, i) => i / 50 - 1),
    grades: [
      { score: -1, grade: 12 },
      { score: 1, grade: 4 },
    ],
    intervals: [{ coverage: 0.8, half_width: 0.694 }],
  };
  const page = renderReport(cases[0]![1], tables);
  expect(page).toContain("At least 80 % of new passages have a label within 0.69 of their score.");
  const rows = [
    ...page.matchAll(/<td class="number">([−\d.]+)<\/td><td class="number">(\d+)<\/td><td class="number">([\d.]+)<\/td><\/tr>/g),
  ];
  expect(rows.map(([, score, percent, grade]) => [score, percent, grade])).toEqual([
    ["−1.0", "0", "12.0"],
    ["−0.5", "25", "10.0"],
    ["0.0", "50", "8.0"],
    ["0.5", "75", "6.0"],
    ["1.0", "100", "4.0"],
  ]);
  expect(renderReport(cases[0]![1], {})).not.toContain('id="scores"');
});

it("escapes names", () => {
  expect(renderReport(imagine([fp32], { source: "<b>.csv" }), {})).not.toContain("<b>");
});

it("has the same rows as the table on standard output", () => {
  const table = formatTable(cases[1]![1].found);
  expect(table.split("\n")[4]).toMatch(/^\| int8 +\| +- \| +- \| 0\.1\d+ \|.* no: fails the gate \|$/);
  expect(table.match(/\| +yes \|/g)).toHaveLength(1);
});
