import * as Plot from "@observablehq/plot";
import { blue, drawChart, orange } from "../../lib/report/chart.js";
import { renderFacts, renderFigures, renderPage, renderSection, renderTable } from "../../lib/report/page.js";
import { type LoadResult, type LoadSecond, reportedPercentiles } from "./load.js";

const milliseconds = (time: number) => `${time.toFixed(0)} ms`;

/** A self-contained page of a run. @param origin what was measured, and how */
export function renderReport(result: LoadResult, origin: readonly (readonly [name: string, value: string | number])[]): string {
  const { requests, failures, requests_per_second, median, percentiles, max, series, errors } = result;
  const facts = [
    ...[["Requests", requests] as const, ["Failures", failures] as const, ["Requests per second", requests_per_second.toFixed(1)] as const],
    ...[
      ["Median", milliseconds(median)] as const,
      ["95 %", milliseconds(percentiles["95"]!)] as const,
      ["Slowest", milliseconds(max)] as const,
    ],
  ];
  const failed = Object.entries(errors).map(([message, count]) => [message, count] as const);
  return renderPage("Load test", [
    renderFacts(facts),
    renderSection("Over time", "", [
      renderFigures([
        ["Throughput", "Requests answered in each second; failures in orange.", drawThroughput(series)],
        ["Response times", "The median of each second; its 95th percentile in orange.", drawTimes(series)],
        ["Users", "Users that have started.", drawLine(series, "users", "users")],
      ]),
    ]),
    renderSection("Percentiles", "Of all response times, failed requests included.", [
      renderTable(["Percent", "Milliseconds"], reportedPercentiles.map((percent) => [percent, percentiles[percent]!.toFixed(0)])), // biome-ignore format: one line
    ]),
    ...(failed.length === 0 ? [] : [renderSection("Failures", "", [renderTable(["Error", "Occurrences"], failed)])]),
    renderSection("Made by", "", [renderTable(["What", "Value"], origin)]),
  ]);
}

const drawThroughput = (series: readonly LoadSecond[]) =>
  drawLine(series, "requests", "requests per second", Plot.lineY(series, { x: "second", y: "failures", stroke: orange, strokeWidth: 2 }));

const drawTimes = (series: readonly LoadSecond[]) =>
  drawLine(series, "median", "milliseconds", Plot.lineY(series, { x: "second", y: "p95", stroke: orange, strokeWidth: 2 }));

function drawLine(series: readonly LoadSecond[], y: keyof LoadSecond, label: string, ...marks: Plot.Markish[]): string {
  return drawChart({
    x: { label: "second" },
    y: { label, grid: true, zero: true },
    marginLeft: 56,
    marks: [Plot.lineY(series, { x: "second", y, stroke: blue, strokeWidth: 2 }), ...marks],
  });
}
