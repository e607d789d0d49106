import * as Plot from "@observablehq/plot";
import { drawChart, escapeHtml } from "../../lib/chart.js";
import { formatSeconds } from "../../lib/progress.js";
import type { TrainingRecord } from "../../lib/training-record.js";
import type { StepMetrics } from "./metrics.js";

/** A held-out passage, as graded and as the model scores it. */
export interface Prediction {
  readonly id: string;
  readonly target: number;
  readonly score: number;
}

const accent = "#2a78d6";
const worst = 10;

/** The training report: one self-contained HTML page. */
export function renderReport(record: TrainingRecord, steps: readonly StepMetrics[], predictions: readonly Prediction[]): string {
  const charts = [
    ["Training loss", "Mean squared error of each step, and its mean over the 20 steps around it.", drawLoss(steps)],
    [
      "Predicted and graded",
      "Each dot is a passage that was held out; on the line, the model agrees with the teachers.",
      drawPredictions(predictions),
    ],
    ["Residuals", "Predicted less graded.", drawResiduals(predictions)],
    ["Calibration", "Means of ten equal groups of passages, by score.", drawCalibration(predictions)],
  ] as const;
  const facts = [
    ["Validation RMSE", record.validation.rmse.toFixed(3)],
    ["Held-out passages", record.validation.rows],
    ["Base", record.base],
    ["Steps", `${record.steps} of ${record.recipe.batch} passages`],
    ["Training time", formatSeconds(record.seconds)],
    ["Tokens a second", `${record.tokens_per_second.toFixed(0)} on ${record.workers} workers`],
  ] as const;
  const epochs = record.epochs.map((e) => [e.epoch, e.training_loss.toFixed(4), e.validation_loss.toFixed(4), e.rmse.toFixed(4)]);
  const errors = [...predictions].sort((a, b) => Math.abs(b.score - b.target) - Math.abs(a.score - a.target)).slice(0, worst);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Training report</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; } dt { opacity: .7; font-size: .85em; } dd { margin: 0; font-size: 1.2em; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem; }
figure { margin: 0; } figcaption p { margin: 0; opacity: .7; } figure svg { width: 100%; height: auto; }
table { border-collapse: collapse; } th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
</style>
</head>
<body>
<h1>Training report</h1>
<dl>${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(String(value))}</dd></div>`).join("")}</dl>
<div class="charts">
${charts.map(([title, caption, chart]) => `<figure><figcaption><h2>${title}</h2><p>${caption}</p></figcaption>${chart}</figure>`).join("\n")}
</div>
<h2>Epochs</h2>
${renderTable(["Epoch", "Training loss", "Validation loss", "RMSE"], epochs)}
<h2>Furthest off</h2>
${renderTable(
  ["Passage", "Graded", "Predicted"],
  errors.map(({ id, target, score }) => [id, target.toFixed(2), score.toFixed(2)]),
)}
<h2>Recipe</h2>
${renderTable(["Setting", "Value"], [...Object.entries(record.recipe), ["seed", record.seed], ["max_length", record.max_length]])}
<p>Data: ${escapeHtml(record.data.file)}, ${record.data.rows} passages, sha256 ${record.data.fingerprint}. Written by ${escapeHtml(record.producer)}.</p>
</body>
</html>
`;
}

function renderTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(String(cell))}</${tag}>`).join("")}</tr>`;
  return `<table>${line(header, "th")}${rows.map((row) => line(row, "td")).join("")}</table>`;
}

function drawLoss(steps: readonly StepMetrics[]): string {
  const smooth = Plot.windowY({ k: 20, x: "step", y: "loss", stroke: accent, strokeWidth: 2 });
  return drawChart({
    y: { label: "loss", grid: true, zero: true },
    marks: [Plot.dot(steps, { x: "step", y: "loss", r: 1.5, fill: "currentColor", fillOpacity: 0.3 }), Plot.lineY(steps, smooth)],
  });
}

/** Also the picture of the model card. */
export function drawPredictions(predictions: readonly Prediction[]): string {
  const values = predictions.flatMap(({ target, score }) => [target, score]);
  const ends = [Math.min(...values), Math.max(...values)];
  return drawChart({
    x: { label: "graded" },
    y: { label: "predicted", grid: true },
    marks: [
      Plot.line(
        ends.map((end) => [end, end]),
        { stroke: "currentColor", strokeOpacity: 0.4, strokeDasharray: "4" },
      ),
      Plot.dot(predictions, { x: "target", y: "score", r: 2.5, fill: accent, fillOpacity: 0.6 }),
    ],
  });
}

function drawResiduals(predictions: readonly Prediction[]): string {
  return drawChart({
    x: { label: "predicted - graded" },
    y: { label: "passages", grid: true },
    marks: [
      Plot.rectY(predictions, {
        ...Plot.binX<Plot.RectYOptions>({ y: "count" }, { x: ({ target, score }: Prediction) => score - target }),
        fill: accent,
      }),
      Plot.ruleY([0]),
    ],
  });
}

function drawCalibration(predictions: readonly Prediction[]): string {
  const ordered = [...predictions].sort((a, b) => a.score - b.score);
  const groups = Math.min(10, ordered.length);
  const means = Array.from({ length: groups }, (_, g) => {
    const group = ordered.slice(Math.floor((g * ordered.length) / groups), Math.floor(((g + 1) * ordered.length) / groups));
    return { score: mean(group.map(({ score }) => score)), target: mean(group.map(({ target }) => target)) };
  });
  const ends = [means[0]!.score, means.at(-1)!.score];
  return drawChart({
    x: { label: "mean predicted" },
    y: { label: "mean graded", grid: true },
    marks: [
      Plot.line(
        ends.map((end) => [end, end]),
        { stroke: "currentColor", strokeOpacity: 0.4, strokeDasharray: "4" },
      ),
      Plot.line(means, { x: "score", y: "target", stroke: accent, strokeWidth: 2, marker: "dot" }),
    ],
  });
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
