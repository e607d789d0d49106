import { join } from "node:path";
import { rescaleScores, writeCheckpoint } from "../../lib/bert/checkpoint.js";
import type { Log } from "../../lib/cli/log.js";
import { formatSeconds } from "../../lib/cli/progress.js";
import { rootMeanSquare } from "../../lib/math/statistics.js";
import { recordFile, type TrainingRecord } from "../../lib/repository/training-record.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import { producer } from "../../lib/system/producer.js";
import { writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import type { Example } from "../../lib/training/batch.js";
import { scoreBaselines } from "./baselines.js";
import { replaceModel } from "./finish.js";
import type { Job, Trained } from "./job.js";
import { countWorkers, type Settings } from "./options.js";
import type { ReportContent } from "./report.js";
import { compareChoices, describeChoices } from "./select.js";

/** Writes the checkpoint, its record and the report. */
export async function writeResults(job: Job, trained: Trained): Promise<void> {
  const { settings, data, out, log } = job;
  const { layout, parameters, scale } = trained;
  const weights = new Map(
    layout.slots.map(({ name, shape, offset, size }) => [name, { shape, data: parameters.subarray(offset, offset + size) }]),
  );
  const record = describeTraining(job, trained);
  const { renderReport } = await import("./report.js"); // loads large drawing libraries, which would slow every start
  const results = describeResults(job, trained);
  const report = renderReport({ record, ...results });
  const model = { config: data.checkpoint.config, weights };
  replaceModel(out, (folder) => {
    writeCheckpoint(folder, scale ? rescaleScores(model, scale.deviation, scale.mean) : model);
    writeTokenizerFiles(data.base, folder, settings.maxLength);
    writeFileAtomic(join(folder, recordFile), `${JSON.stringify(record, null, 2)}\n`);
    writeFileAtomic(join(folder, "report.html"), report);
  });
  log.info(`trained in ${formatSeconds(record.seconds)} at ${record.tokens_per_second.toFixed(0)} tokens/s`);
  log.info(`validation RMSE: ${describeChoices(record.choices!)}`);
  log.info(`wrote the ${settings.select} weights to ${out}, validation RMSE ${record.validation.rmse.toFixed(4)}`);
  compareWithBaselines(record.validation.rmse, results, log);
}

/** Prints the baselines, and warns if the model is worse than one. */
function compareWithBaselines(rmse: number, { heldOut, baselines }: Omit<ReportContent, "record">, log: Log): void {
  const measure = (scores: readonly number[]) => rootMeanSquare(scores.map((score, i) => score - heldOut[i]!.target));
  const [mean, flesch] = [measure(baselines.mean), measure(baselines.flesch)];
  log.info(`baselines: RMSE ${mean.toFixed(4)} of always the mean, ${flesch.toFixed(4)} of a line on Flesch reading ease`);
  if (rmse > mean)
    log.warn(
      "the model is worse than always answering the mean: it has learned nothing useful. Check the labels, or train longer (--epochs)",
    );
  else if (rmse > flesch) log.warn("the model is worse than a readability formula. Train longer (--epochs), or add passages");
}

/** What the report shows besides the record. */
function describeResults({ data, training, validation }: Job, { steps, predictions }: Trained): Omit<ReportContent, "record"> {
  const passages = new Map(data.passages.map((passage) => [passage.id, passage]));
  const find = (examples: readonly Example[]) => examples.flatMap(({ id }) => passages.get(id) ?? []); // without windows
  const heldOut = predictions.map((prediction, i) => {
    const { id, ids } = validation[i]!;
    return { ...prediction, excerpt: passages.get(id)!.excerpt, tokens: ids.length };
  });
  return { steps, heldOut, baselines: scoreBaselines(find(training), find(validation)) };
}

/** Settings in a training record. */
const recorded = [
  "head", "epochs", "batch", "lr", "warmup", "loss", "dropout", "clip", "beta1", "beta2", "epsilon", "weightDecay", "weighting", "layerDecay", "ema",
  "crop", "join", "initLayers", "reinit",
] as const; // biome-ignore format: a list reads better in lines
const distillation = ["teacher", "teacherWeight", "windows", "unlabelled", "maxSpread"] as const;

const toSnakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The settings that define the run. Those that are not given are left out. */
function describeRecipe(settings: Settings, teacherSpread: number | undefined): TrainingRecord["recipe"] {
  const names = [...recorded, ...(settings.teacher.length > 0 ? distillation : [])];
  const values = names.map((name) => [name, settings[name]] as const);
  const spread = settings.teacher.length > 1 ? [["teacherSpread", teacherSpread] as const] : [];
  return Object.fromEntries(
    [...values, ...spread].flatMap(([name, value]) =>
      value === undefined ? [] : [[toSnakeCase(name), typeof value === "object" ? value.join() : value]],
    ),
  );
}

function describeTraining({ settings, data, split, identity, teacherSpread }: Job, trained: Trained): TrainingRecord {
  const { steps, epochs, predictions } = trained;
  const { column, target, file } = settings;
  const choices = compareChoices(settings.select, epochs);
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  const tokens = steps.reduce((sum, step) => sum + step.tokens, 0);
  return {
    producer: `${producer.name} ${producer.version}`,
    base: settings.base,
    max_length: settings.maxLength,
    ...split,
    seed: settings.seed,
    split_seed: split.seed,
    data: { file: settings.data, fingerprint: data.fingerprint, rows: data.passages.length, columns: { column, target, file } },
    recipe: describeRecipe(settings, teacherSpread),
    epochs: [...epochs],
    validation: { rows: predictions.length, rmse: choices[choices.selected]! },
    choices,
    ...(trained.scale ? { scale: trained.scale } : {}),
    run: identity,
    steps: steps.length,
    workers: countWorkers(settings),
    seconds,
    tokens_per_second: tokens / seconds,
  };
}
