import { count } from "../../lib/errors/plural.js";
import { onnxRuntime } from "../../lib/onnx/session.js";
import { drawDifferences } from "../../lib/report/chart.js";
import { type Figure, renderFacts, renderFigures, renderPage, renderSection, renderTable } from "../../lib/report/page.js";
import type { Tables } from "../../lib/repository/repository.js";
import { gradeOf, percentileOf } from "../../lib/repository/score-tables.js";
import { describeMachine } from "../../lib/system/machine.js";
import { producer } from "../../lib/system/producer.js";
import { columns, listRows } from "./candidates-table.js";
import { drawSearch } from "./charts.js";
import type { Outcome } from "./outcome.js";
import { medianThroughput } from "./speed.js";

/** The report of a search for people: a self-contained HTML page. */
export function renderReport(outcome: Outcome, tables: Tables): string {
  const { target, found } = outcome;
  const { gate, trials, kept, served } = found;
  const exact = gate.results[0]!;
  const against = outcome.rows.targets ? "the labels" : "fp32's scores";
  const differences = served.scores.map((score, i) => score - exact.scores[i]!);
  const speedCaption = "Higher is faster, and further left is more accurate. The filled point is served. Crosses fail the gate.";
  const speed: Figure = ["Speed and accuracy", speedCaption, drawSearch(found)];
  const differencesCaption = `Scores in ${kept.precision} minus those in fp32, for the same passages.`;
  const distribution: Figure = ["Differences", differencesCaption, drawDifferences(differences, "score minus fp32's")];
  return renderPage("Optimization report", [
    renderFacts([
      ["Served", target === "gpu" ? `${kept.precision}, on a GPU` : `${kept.precision}, ${kept.layout.sessions} x ${kept.layout.threads}`],
      ...describeSpeed(outcome),
      [`RMSE against ${against}`, served.accuracy.rmse.toFixed(4)],
      ["RMSE of fp32", exact.accuracy.rmse.toFixed(4)],
      ["Largest RMSE that passes the gate", gate.bound.toFixed(4)],
      ["Largest difference from fp32", served.accuracy.largestDifference.toFixed(4)],
    ]),
    renderSection(
      "Candidates",
      `Accuracy on ${count(outcome.rows.windows.length, "passage")} of ${outcome.rows.source}${trials.length > 0 ? ". Speed is measured on texts of typical length; the table shows medians" : "; speed on a GPU was not measured"}. Precisions are tried from the fastest to the most accurate, until one passes the gate.`,
      [
        renderFigures([...(trials.length > 0 ? [speed] : []), ...(kept.precision === "fp32" ? [] : [distribution])]),
        renderTable(
          columns,
          listRows(found).map((row) => row.map((cell) => (cell === "-" ? "none" : cell))),
        ),
      ],
    ),
    ...explainScores(tables),
    renderSection("Inputs and environment", "", [renderTable(["What", "Value"], describeOrigin(outcome))]),
  ]);
}

const scoreStep = 0.5;

/** Explains scores from the hardest to the easiest training passages; empty if those are unknown. */
function explainScores({ percentiles, grades, intervals = [] }: Tables): string[] {
  if (percentiles === undefined) return [];
  const [first, last] = [Math.ceil(percentiles[0]! / scoreStep), Math.floor(percentiles.at(-1)! / scoreStep)];
  const scores = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * scoreStep);
  const reach = intervals.map(
    ({ coverage, half_width }) =>
      `At least ${100 * coverage} % of new passages have a label within ${half_width.toFixed(2)} of their score.`,
  );
  const about = [
    "A percentile is the share of training passages with a lower label.",
    ...(grades ? ["A school grade is the median Flesch-Kincaid grade of training passages near the score."] : []),
  ];
  return [
    renderSection("Scores", [...reach, ...about].join(" "), [
      renderTable(
        ["Score", "Percentile", ...(grades ? ["School grade"] : [])],
        scores.map((score) => [
          score.toFixed(1).replace("-", "−"),
          percentileOf(percentiles, score).toFixed(0),
          ...(grades ? [gradeOf(grades, score).toFixed(1)] : []),
        ]),
      ),
    ]),
  ];
}

/** Empty if speed was not measured. */
function describeSpeed({ found: { trials, kept } }: Outcome): (readonly [string, string])[] {
  const fastest = (precision: string) => Math.max(...trials.filter((trial) => trial.precision === precision).map(medianThroughput));
  if (trials.length === 0) return [];
  const speed = fastest(kept.precision);
  const compared = kept.precision === "fp32" || !trials.some(({ precision }) => precision === "fp32");
  return [
    ["Texts per second", speed.toFixed(1)],
    ...(compared ? [] : ([["Speed-up over fp32", (speed / fastest("fp32")).toFixed(2)]] as const)),
  ];
}

function describeOrigin({ model, checkpoint, rows, target }: Outcome): (readonly [string, string | number])[] {
  const { cpu, cores, memory_gib, platform, node } = describeMachine();
  return [
    ["checkpoint", model.folder],
    ["checkpoint, sha256", checkpoint],
    ["base", model.base],
    ["max_length", model.maxLength],
    ["target", target],
    ["passages", rows.source],
    ["machine", `${cpu}, ${count(cores, "core")}, ${memory_gib} GiB, ${platform}`],
    ["versions", `${producer.name} ${producer.version}, ONNX Runtime ${onnxRuntime}, Node ${node.slice(1)}`],
  ];
}
