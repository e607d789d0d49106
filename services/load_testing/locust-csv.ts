import type { LoadResult, LoadSecond, LoadSummary } from "./load.js";
import { reportedPercentiles } from "./load.js";
import type { LoadRow } from "./locust-tables.js";

/** A second of a run, with what Locust keeps of it. */
export interface HistoryRow {
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly second: LoadSecond;
  readonly total: LoadSummary;
}

type Cell = string | number;

const percentileNames = reportedPercentiles.map((percent) => `${percent}%`);

/** The files that `locust --csv PREFIX` writes, by the end of their name, with the columns of Locust 2.47. */
export function formatCsvFiles(
  rows: readonly LoadRow[],
  total: LoadResult,
  history: readonly HistoryRow[],
): Readonly<Record<string, string>> {
  return {
    "_stats.csv": formatStats(rows, total),
    "_stats_history.csv": formatHistory(history),
    "_failures.csv": formatFailures(rows),
    "_exceptions.csv": formatCsv([["Count", "Message", "Traceback", "Nodes"]]), // a failed request is none
  };
}

function formatStats(rows: readonly LoadRow[], total: LoadResult): string {
  const header = [
    ...["Type", "Name", "Request Count", "Failure Count", "Median Response Time", "Average Response Time", "Min Response Time"],
    ...["Max Response Time", "Average Content Size", "Requests/s", "Failures/s", ...percentileNames],
  ];
  const line = (type: string, name: string, result: LoadResult): readonly Cell[] => [
    ...[type, name, ...listTotals(result), result.requests_per_second, result.failures_per_second, ...listPercentiles(result)],
  ];
  return formatCsv([header, ...rows.map(({ method, name, result }) => line(method, name, result)), line("", "Aggregated", total)]);
}

function formatHistory(history: readonly HistoryRow[]): string {
  const header = [
    ...["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s", ...percentileNames],
    ...["Total Request Count", "Total Failure Count", "Total Median Response Time", "Total Average Response Time"],
    ...["Total Min Response Time", "Total Max Response Time", "Total Average Content Size"],
  ];
  const lines = history.map(({ timestamp, second: { users, requests, failures }, total }): readonly Cell[] => [
    ...[timestamp, users, "", "Aggregated", requests.toFixed(6), failures.toFixed(6), ...listPercentiles(total), ...listTotals(total)],
  ]);
  return formatCsv([header, ...lines]);
}

function formatFailures(rows: readonly LoadRow[]): string {
  const header = ["Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen"];
  const lines = rows.flatMap(({ method, name, result }) =>
    Object.entries(result.errors).map(([message, count]) => [
      method,
      name,
      message,
      count,
      ...result.errors_seen[message]!.map(formatTime),
    ]),
  );
  return formatCsv([header, ...lines]);
}

const listTotals = ({ requests, failures, median, average, min, max, average_bytes }: LoadSummary): readonly Cell[] => [
  ...[requests, failures, median, average, min, max, average_bytes],
];

/** In whole milliseconds, as Locust writes them. */
const listPercentiles = ({ requests, percentiles }: LoadSummary): readonly Cell[] =>
  reportedPercentiles.map((percent) => (requests === 0 ? "N/A" : Math.trunc(percentiles[percent]!)));

const formatTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+/, "");

/** RFC 4180. */
const formatCsv = (rows: readonly (readonly Cell[])[]): string =>
  rows
    .map((row) => `${row.map((cell) => (/[",\r\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(",")}\r\n`)
    .join("");
