import * as Plot from "@observablehq/plot";
import { blue, drawChart, faint } from "./chart.js";

/** A held-out passage with the model's score. */
export interface Prediction {
  readonly id: string;
  readonly target: number;
  readonly score: number;
}

/** A scatter plot of scores against targets, for the training report and the model card. */
export function drawPredictions(predictions: readonly Prediction[]): string {
  const values = predictions.flatMap(({ target, score }) => [target, score]);
  return drawChart({
    x: { label: "target" },
    y: { label: "predicted", grid: true },
    marks: [
      drawDiagonal(Math.min(...values), Math.max(...values)),
      Plot.dot(predictions, { x: "target", y: "score", r: 2.5, fill: blue, fillOpacity: 0.6 }),
    ],
  });
}

/** The line on which both axes are equal. */
export function drawDiagonal(low: number, high: number): Plot.Line {
  return Plot.line([low, high].map((end) => [end, end]), faint); // biome-ignore format: one line
}
