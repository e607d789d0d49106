import { median } from "../lib/math/statistics.js";
import { markdownTable } from "../lib/report/markdown.js";

/** Measurements of a system with one set of texts in one round. */
export interface Measured {
  readonly texts: string;
  readonly name: string;
  readonly http: boolean;
  readonly ours: boolean;
  readonly round: number;
  /** Texts per second in the closed loop. */
  readonly rate: number;
  /** Texts a second that arrived on average in the open loop, and how many in all. */
  readonly offered: number;
  readonly arrivals: number;
  /** Milliseconds from arrival to score. */
  readonly p50: number;
  readonly p99: number;
}

/** The peak of the machine for one set of texts, measured in one round. */
export interface Peak {
  readonly texts: string;
  /** Integer operations; 0 if the model is served in float32. */
  readonly operationsPerText: number;
  readonly operationsPerSecond: number;
}

export interface Results {
  readonly measured: readonly Measured[];
  readonly peaks: readonly Peak[];
  /** Where systems other than ours did not answer, and why; each was left out from there on. */
  readonly failures: readonly string[];
}

/** Markdown: a table for each kind of texts, medians over the rounds; a ratio is the median of the ratios within a round. */
export function formatServing({ measured, peaks, failures }: Results): string {
  const kinds = [...new Set(measured.map(({ texts }) => texts))];
  const tables = kinds.map((kind) => {
    const isOfKind = ({ texts }: { readonly texts: string }) => texts === kind;
    return formatKind(kind, measured.filter(isOfKind), peaks.filter(isOfKind));
  });
  return [...tables, ...failures.map((failure) => `\nLeft out from ${failure}\n`)].join("");
}

function formatKind(kind: string, measured: readonly Measured[], peaks: readonly Peak[]): string {
  const names = [...new Set(measured.map(({ name }) => name))];
  const systems = names.map((name) => ({ name, own: measured.filter((one) => one.name === name) }));
  const behindHttp = systems.filter(({ own: [first] }) => first!.ours && first!.http);
  const peak = median(peaks.map(({ operationsPerSecond }) => operationsPerSecond));
  const operations = peaks[0]!.operationsPerText;
  const ratios = behindHttp.map(({ name }) => `${name} is`);
  const head = ["", "texts/s", "of the integer peak", ...ratios, "p50", "p99", "p99/p50", "rates of the rounds"];
  const rows = systems.map(({ name, own }) => {
    const of = (read: (one: Measured) => number) => median(own.map(read));
    const ratios = behindHttp.map(({ own: better }) => `${median(own.map(({ rate }, i) => better[i]!.rate / rate)).toFixed(2)} times`);
    const share = median(own.map(({ rate }, i) => (operations * rate) / peaks[i]!.operationsPerSecond));
    return [
      name,
      of(({ rate }) => rate).toFixed(1),
      own[0]!.ours && operations > 0 ? `${(100 * share).toFixed(0)} %` : "",
      ...ratios,
      `${of(({ p50 }) => p50).toFixed(0)} ms`,
      `${of(({ p99 }) => p99).toFixed(0)} ms`,
      of(({ p50, p99 }) => p99 / p50).toFixed(1),
      own.map(({ rate }) => rate.toFixed(1)).join(", "),
    ];
  });
  const integers = `Integer products at their peak: ${(peak / 1e9).toFixed(0)} GOP/s; one text takes ${(operations / 1e9).toFixed(2)} GOP in them.`;
  return `\n### ${kind}\n\n${markdownTable(head, rows, [0, head.length - 1])}\n${integers}\n`;
}
