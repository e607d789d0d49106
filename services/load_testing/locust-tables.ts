import { type LoadResult, reportedPercentiles } from "./load.js";

/** A line of the tables. */
export interface LoadRow {
  readonly method: string;
  readonly name: string;
  readonly result: LoadResult;
}

/** Widths as Locust prints them: programs that read its tables can read ours. */
const typeWidth = 8;
const requestNameWidth = 76;
const percentileNameWidth = 80;
const requestDashes = [typeWidth, requestNameWidth, 7, 13, 7, 7, 7, 7, 8, 11];
const percentileDashes = [typeWidth, percentileNameWidth, 8, ...reportedPercentiles.map(() => 6)];
const errorDashes = [18, 141];

/** Requests, failures, response times in milliseconds, and rates. `total`, if given, is the last line. */
export function formatRequests(rows: readonly LoadRow[], total?: LoadResult): string {
  const line = (type: string, name: string, cells: readonly string[]) => {
    const [requests, failures, average, min, max, median, rps, fps] = cells.map((cell, i) => cell.padStart([7, 12, 7, 7, 7, 7, 7, 11][i]!));
    const head = `${type.padEnd(typeWidth)} ${name.padEnd(requestNameWidth)} ${requests} ${failures}`;
    return `${head} |${average} ${min} ${max}${median} | ${rps} ${fps}`;
  };
  const cells = (result: LoadResult) => [
    String(result.requests),
    `${result.failures}(${((100 * result.failures) / Math.max(1, result.requests)).toFixed(2)}%)`,
    ...[result.average, result.min, result.max, result.median].map((time) => time.toFixed(0)),
    result.requests_per_second.toFixed(2),
    result.failures_per_second.toFixed(2),
  ];
  const heading = line("Type", "Name", ["# reqs", "# fails", "Avg", "Min", "Max", "Med", "req/s", "failures/s"]);
  return frame(heading, requestDashes, rows, total, (type, name, result) => line(type, name, cells(result)));
}

/** Percentiles of the response times in milliseconds. */
export function formatPercentiles(rows: readonly LoadRow[], total?: LoadResult): string {
  const line = (type: string, name: string, cells: readonly string[]) =>
    `${type.padEnd(typeWidth)} ${name.padEnd(percentileNameWidth)} ${cells.map((cell, i) => cell.padStart(i === 0 ? 8 : 6)).join(" ")}`;
  const cells = (result: LoadResult) => [
    ...reportedPercentiles.map((percent) => result.percentiles[percent]!.toFixed(0)),
    String(result.requests),
  ];
  const heading = line("Type", "Name", [...reportedPercentiles.map((percent) => `${percent}%`), "# reqs"]);
  const table = frame(heading, percentileDashes, rows, total, (type, name, result) => line(type, name, cells(result)));
  return `Response time percentiles (approximated)\n${table}`;
}

/** How often each failure happened; empty if none did. */
export function formatErrors(rows: readonly LoadRow[]): string {
  const lines = rows.flatMap(({ method, name, result }) =>
    Object.entries(result.errors).map(([message, count]) => `${String(count).padEnd(18)} ${method} ${name}: ${message}`),
  );
  if (lines.length === 0) return "";
  return `${["Error report", "# occurrences      Error", dashes(errorDashes), ...lines, dashes(errorDashes)].join("\n")}\n`;
}

function frame(
  heading: string,
  widths: readonly number[],
  rows: readonly LoadRow[],
  total: LoadResult | undefined,
  line: (type: string, name: string, result: LoadResult) => string,
): string {
  const lines = [heading, dashes(widths), ...rows.map(({ method, name, result }) => line(method, name, result)), dashes(widths)];
  return `${[...lines, ...(total ? [line("", "Aggregated", total)] : [])].join("\n")}\n`;
}

const dashes = (widths: readonly number[]) => widths.map((width) => "-".repeat(width)).join("|");
