import { join } from "node:path";
import { bootstrapMean, type Interval } from "../../lib/math/bootstrap.js";
import { formatFloat32 } from "../../lib/math/float32.js";
import { mean } from "../../lib/math/statistics.js";
import { markdownHead, markdownRow } from "../../lib/report/markdown.js";
import type { Prediction } from "../../lib/report/predictions.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import type { Data } from "./data.js";
import type { Settings } from "./options.js";

/** Writes predictions.csv and folds.json, and prints the RMSE of each fold and of all passages. @param folds predictions of each fold */
export function writeFolds(
  { out, seed, splitSeed = seed, data: file }: Settings,
  { passages, fingerprint }: Data,
  folds: readonly (readonly Prediction[])[],
): void {
  const all = measure(folds.flat());
  const { low, high, level, resamples } = bootstrapMean(squareErrors(folds.flat()), seed);
  const interval = { low: Math.sqrt(low), high: Math.sqrt(high), level, resamples, method: "percentile bootstrap over passages" };
  const measures = folds.map((predictions, i) => ({ fold: i + 1, ...measure(predictions) }));
  const data = { file, fingerprint, rows: passages.length };
  const summary = { data, seed, split_seed: splitSeed, folds: measures, ...all, interval };
  const scored = new Map(folds.flatMap((predictions, i) => predictions.map(({ id, score }) => [id, { score, fold: i + 1 }])));
  const lines = passages.map(({ id, target }) => {
    const { score, fold } = scored.get(id)!;
    return `${quote(id)},${target},${formatFloat32(score)},${fold}\n`;
  });
  writeFileAtomic(join(out, "predictions.csv"), ["id,target,score,fold\n", ...lines].join(""));
  writeFileAtomic(join(out, "folds.json"), `${JSON.stringify(summary, null, 2)}\n`);
  process.stdout.write(formatTable([...measures, { fold: "all", ...all }], interval));
}

interface Measure {
  readonly rows: number;
  readonly rmse: number;
}

const squareErrors = (predictions: readonly Prediction[]) => predictions.map(({ score, target }) => (score - target) ** 2);

function measure(predictions: readonly Prediction[]): Measure {
  return { rows: predictions.length, rmse: Math.sqrt(mean(squareErrors(predictions))) };
}

function formatTable(measures: readonly (Measure & { readonly fold: number | string })[], interval: Interval): string {
  const { low, high, level, resamples } = interval;
  const lines = measures.map(({ fold, rows, rmse }) => markdownRow([fold, rows, rmse.toFixed(4)]));
  const ends = `${low.toFixed(4)} to ${high.toFixed(4)}`;
  const note = `RMSE of all: ${100 * level} % interval ${ends} (percentile bootstrap over passages, ${resamples} resamples)\n`;
  return [markdownHead(["Fold", "Passages", "Rmse"]), ...lines, "\n", note].join("");
}

/** Quotes a csv cell if it needs it (RFC 4180). */
const quote = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
