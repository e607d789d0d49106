import * as Plot from "@observablehq/plot";
import { cutEvenly, mean } from "../../lib/math/statistics.js";
import { blue, drawChart, faint, orange } from "../../lib/report/chart.js";
import { drawDiagonal, type Prediction } from "../../lib/report/predictions.js";
import type { EpochResult, StepMetrics } from "./metrics.js";

const smoothed = 20; // steps

export const residualOf = ({ target, score }: Prediction): number => score - target;

export function drawLearningRate(steps: readonly StepMetrics[]): string {
  return drawChart({
    x: { label: "step" },
    y: { label: "learning rate", grid: true, zero: true, ticks: 5, tickFormat: "~e" },
    marginLeft: 48,
    marks: [Plot.lineY(steps, { x: "step", y: "learning_rate", stroke: blue, strokeWidth: 2 })],
  });
}

/** A measurement of each step, and its moving mean. @param level drawn as a line */
export function drawSteps(steps: readonly StepMetrics[], y: keyof StepMetrics, level?: number): string {
  return drawChart({
    x: { label: "step" },
    y: { label: y.replace("_", " "), grid: true, zero: true },
    marks: [
      ...(level === undefined ? [] : [Plot.ruleY([level], faint)]),
      Plot.dot(steps, { x: "step", y, r: 1.5, fill: "currentColor", fillOpacity: 0.3 }),
      Plot.lineY(steps, Plot.windowY({ k: Math.min(smoothed, steps.length), x: "step", y, stroke: blue, strokeWidth: 2 })),
    ],
  });
}

/** Root mean squared errors of each epoch. @param levels those of the baselines, by name */
export function drawEpochs(epochs: readonly EpochResult[], levels: Readonly<Record<string, number>>): string {
  const last = epochs.at(-1)!.epoch;
  const series = [
    ["training", blue, epochs.map(({ epoch, training_loss }) => ({ epoch, rmse: Math.sqrt(training_loss) }))],
    ["validation", orange, epochs],
  ] as const;
  const marked = Object.entries(levels).map(([name, rmse]) => ({ name, rmse }));
  return drawChart({
    x: { label: "epoch", ticks: epochs.map(({ epoch }) => epoch), tickFormat: "d", domain: last === 1 ? [0.5, 1.5] : [1, last] },
    y: { label: "RMSE", grid: true, zero: true },
    color: { domain: series.map(([name]) => name), range: series.map(([, colour]) => colour), legend: false },
    marginRight: 76,
    marks: [
      Plot.ruleY(marked, { y: "rmse", ...faint }),
      Plot.text(marked, { y: "rmse", text: "name", frameAnchor: "right", textAnchor: "end", dx: -4, dy: 8, fillOpacity: 0.7 }),
      ...series.flatMap(([name, stroke, points]) => [
        Plot.lineY(points, { x: "epoch", y: "rmse", stroke, strokeWidth: 2, marker: "dot" }),
        Plot.text(points.slice(-1), { x: "epoch", y: "rmse", text: () => name, fill: stroke, textAnchor: "start", dx: 8 }),
      ]),
    ],
  });
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const byX = (a: Point, b: Point) => a.x - b.x;

/** The means of groups of points of equal size, sorted by x. */
const groupMeans = (points: readonly Point[], groups: number): readonly Point[] =>
  cutEvenly(points.toSorted(byX), groups).map((group) => ({ x: mean(group.map(({ x }) => x)), y: mean(group.map(({ y }) => y)) }));

const drawMeans = (means: readonly Point[]) => Plot.line(means, { x: "x", y: "y", stroke: blue, strokeWidth: 2, marker: "dot" });

/** Mean score and mean target of ten groups of passages of equal size, sorted by score. */
export function drawCalibration(predictions: readonly Prediction[]): string {
  const means = groupMeans(predictions.map(({ score, target }) => ({ x: score, y: target })), 10); // biome-ignore format: one line
  return drawChart({
    x: { label: "mean predicted" },
    y: { label: "mean target", grid: true },
    marks: [drawDiagonal(means[0]!.x, means.at(-1)!.x), drawMeans(means)],
  });
}

/** Residuals over a property of the passages, with the means of eight groups of equal size. */
export function drawResidualsOver<P extends Prediction>(
  predictions: readonly P[],
  label: string,
  property: (prediction: P) => number,
): string {
  const points = predictions.map((prediction): Point => ({ x: property(prediction), y: residualOf(prediction) })).sort(byX);
  return drawChart({
    x: { label },
    y: { label: "predicted - target", grid: true },
    marks: [
      Plot.ruleY([0], faint),
      Plot.dot(points, { x: "x", y: "y", r: 2, fill: "currentColor", fillOpacity: 0.3 }),
      drawMeans(groupMeans(points, 8)),
    ],
  });
}

/** For each scorer, the share of passages whose error is at most x. */
export function drawErrorDistribution(targets: readonly number[], scorers: Readonly<Record<string, readonly number[]>>): string {
  const colours = [blue, orange, "currentColor"];
  const lines = Object.entries(scorers).map(([name, scores], i) => {
    const errors = scores.map((score, j) => Math.abs(score - targets[j]!)).sort((a, b) => a - b);
    return { name, stroke: colours[i]!, points: errors.map((error, j) => ({ error, share: (100 * (j + 1)) / errors.length })) };
  });
  return drawChart({
    x: { label: "error at most" },
    y: { label: "% of the passages", grid: true },
    marks: lines.flatMap(({ name, stroke, points }, i) => [
      Plot.line(points, { x: "error", y: "share", stroke, strokeWidth: 2 }),
      Plot.text([name], { frameAnchor: "bottom-right", dy: 18 * (i - lines.length), text: [name], fill: stroke }),
    ]),
  });
}
