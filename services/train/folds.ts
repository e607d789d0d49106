import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../lib/cli/log.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { splitFolds } from "../../lib/data/split.js";
import { bootstrapMean, type Interval } from "../../lib/math/bootstrap.js";
import { formatFloat32 } from "../../lib/math/float32.js";
import { readFile, writeFileAtomic } from "../../lib/storage/files.js";
import type { Prediction } from "./charts.js";
import type { Data } from "./data.js";
import type { Settings } from "./options.js";
import { writeResults } from "./results.js";
import { checkJob, identifyRun, type Job, runJob } from "./run.js";
import { checkIdentity, type Identity, removeState } from "./state.js";
import { consultTeacher } from "./teacher.js";
import { pickTrainingRows } from "./training-rows.js";

/** Trains a model for each fold on the passages of the others. */
export async function trainFolds(settings: Settings, data: Data, log: Log): Promise<void> {
  const { out, folds, seed, splitSeed = seed, resume, maxSteps } = settings;
  const foldOf = splitFolds(data.passages, folds, splitSeed);
  const indices = [...foldOf.keys()];
  const teaching = await consultTeacher(settings, data, { trained: indices, held: indices }, log);
  const identity = identifyRun(settings, data, teaching);
  const stop = abortOnSignals();
  const jobs = Array.from({ length: folds }, (_, fold): Job => {
    const training = pickTrainingRows(settings, data, indices.filter((i) => foldOf[i] !== fold), teaching); // biome-ignore format: one line
    const validation = data.rows.filter((_, i) => foldOf[i] === fold);
    const split = { seed: splitSeed, validation_fraction: 1 / folds, fold: { number: fold + 1, of: folds } };
    return { settings, data, training, validation, split, identity, out: join(out, `fold-${fold + 1}`), log, stop };
  });
  jobs.forEach(checkJob);
  const whole = { ...identity, maxSteps };
  if (!resume) rmSync(fileOf(out), { force: true });
  const finished = loadFinished(out, whole);
  for (const job of resume ? jobs.slice(0, finished.length) : jobs) removeState(job.out);
  for (const job of jobs.slice(finished.length)) {
    log.info(`fold ${finished.length + 1} of ${folds}`);
    const trained = await runJob(job);
    if (trained === undefined) return;
    await writeResults(job, trained);
    finished.push(trained.predictions);
    writeFileAtomic(fileOf(out), JSON.stringify({ identity: whole, finished } satisfies FoldsState));
    removeState(job.out);
  }
  summarize(settings, data, finished);
  rmSync(fileOf(out));
}

/** What tells a resumed run which folds are done. */
interface FoldsState {
  readonly identity: Identity;
  /** Predictions of the folds so far. */
  readonly finished: (readonly Prediction[])[];
}

const fileOf = (out: string) => join(out, "folds-state.json");

function loadFinished(out: string, identity: Identity): (readonly Prediction[])[] {
  const file = fileOf(out);
  if (!existsSync(file)) return [];
  const state = JSON.parse(readFile(file, "", "").toString("utf8")) as FoldsState;
  checkIdentity(file, state.identity, identity);
  return state.finished;
}

/** Writes and prints what the models give for the passages that each has not seen. */
function summarize(
  { out, seed, splitSeed = seed, data: file }: Settings,
  { passages, fingerprint }: Data,
  folds: readonly (readonly Prediction[])[],
): void {
  const measures = [...folds.map(measure), measure(folds.flat())];
  const { low, high, level, resamples } = bootstrapMean(squareErrors(folds.flat()), seed);
  const interval = { low: Math.sqrt(low), high: Math.sqrt(high), level, resamples, method: "percentile bootstrap over passages" };
  const byId = new Map(folds.flatMap((predictions, fold) => predictions.map(({ id, score }) => [id, { score, fold: fold + 1 }])));
  const lines = passages.map(({ id, target }) => {
    const { score, fold } = byId.get(id)!;
    return `${quote(id)},${target},${formatFloat32(score)},${fold}\n`;
  });
  writeFileAtomic(join(out, "predictions.csv"), ["id,target,score,fold\n", ...lines].join(""));
  const summary = {
    data: { file, fingerprint, rows: passages.length },
    seed,
    split_seed: splitSeed,
    folds: measures.slice(0, -1).map((measure, i) => ({ fold: i + 1, ...measure })),
    ...measures.at(-1)!,
    interval,
  };
  writeFileAtomic(join(out, "folds.json"), `${JSON.stringify(summary, null, 2)}\n`);
  process.stdout.write(formatSummary(measures, interval));
}

const squareErrors = (predictions: readonly Prediction[]) => predictions.map(({ score, target }) => (score - target) ** 2);

function measure(predictions: readonly Prediction[]): { readonly rows: number; readonly rmse: number } {
  const squares = squareErrors(predictions);
  return { rows: squares.length, rmse: Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length) };
}

function formatSummary(measures: readonly ReturnType<typeof measure>[], { low, high, level, resamples }: Interval): string {
  const rows = measures.map(({ rows, rmse }, i) => `| ${i < measures.length - 1 ? i + 1 : "all"} | ${rows} | ${rmse.toFixed(4)} |`);
  const [percent, ends] = [100 * level, `${low.toFixed(4)} to ${high.toFixed(4)}`];
  const note = `RMSE of all: ${percent} % interval ${ends} (percentile bootstrap over passages, ${resamples} resamples)`;
  return `${["| Fold | Passages | Rmse |", "|-----:|---------:|-----:|", ...rows, "", note].join("\n")}\n`;
}

/** A cell of a csv (RFC 4180). */
const quote = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
