import * as Plot from "@observablehq/plot";
import { blue, drawChart, faint, orange } from "../../lib/report/chart.js";
import type { SearchResult } from "./search.js";
import { medianThroughput } from "./speed.js";

/** The throughput of each graph in each layout against its RMSE minus fp32's. Graphs that fail the gate are on the axis. */
export function drawSearch({ gate, trials, kept }: SearchResult): string {
  const exact = gate.results[0]!.accuracy.rmse;
  const points = trials.map((trial) => {
    const { precision, layout } = trial;
    const rmse = gate.results.find((result) => result.precision === precision)!.accuracy.rmse;
    const isKept = precision === kept.precision && layout === kept.layout;
    return { x: rmse - exact, y: medianThroughput(trial), isKept, name: `${precision}, ${layout.sessions} x ${layout.threads}` };
  });
  const failed = gate.results
    .filter(({ passed }) => !passed)
    .map(({ precision, accuracy }) => ({ x: accuracy.rmse - exact, y: 0, name: precision }));
  const margin = gate.bound - exact;
  const xs = [...points, ...failed].map(({ x }) => x).filter(Number.isFinite);
  const domain = [Math.min(0, ...xs) - margin / 8, Math.max(margin, ...xs) + margin / 8] as const;
  const isRight = (point: { readonly x: number }) => point.x > (domain[0] + domain[1]) / 2;
  /** Names beside the points, towards the middle. */
  const name = (points: readonly { readonly x: number; readonly y: number; readonly name: string }[], right: boolean, dy = 0) =>
    Plot.text(
      points.filter((point) => isRight(point) === right),
      { x: "x", y: "y", text: "name", textAnchor: right ? "end" : "start", dx: right ? -9 : 9, dy },
    );
  return drawChart({
    x: { label: "RMSE minus fp32's", domain: [...domain] },
    y: { label: "texts/s", grid: true, domain: [0, 1.1 * Math.max(1, ...points.map(({ y }) => y))] },
    marks: [
      Plot.ruleY([0]),
      Plot.ruleX([margin], faint),
      Plot.text(["gate"], { x: margin, text: (text) => text, frameAnchor: "top", textAnchor: "end", dx: -4, dy: 4, fillOpacity: 0.7 }),
      Plot.dot(failed, { x: "x", y: "y", r: 4, symbol: "times", stroke: orange, strokeWidth: 2 }),
      Plot.dot(
        points.filter(({ isKept }) => !isKept),
        { x: "x", y: "y", r: 4, stroke: blue, strokeWidth: 2 },
      ),
      Plot.dot(
        points.filter(({ isKept }) => isKept),
        { x: "x", y: "y", r: 6, fill: blue },
      ),
      ...[true, false].flatMap((right) => [name(points, right), name(failed, right, -9)]),
    ],
  });
}
