import { join } from "node:path";
import { writeCheckpoint } from "../../lib/bert/checkpoint.js";
import { formatSeconds } from "../../lib/cli/progress.js";
import { recordFile, type TrainingRecord } from "../../lib/repository/training-record.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import { producer } from "../../lib/system/producer.js";
import { writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import type { Row } from "../../lib/training/batch.js";
import { replaceModel } from "./finish.js";
import { scoreFloors } from "./floors.js";
import type { ReportContent } from "./report.js";
import type { Job, Trained } from "./run.js";
import { compareChoices, describeChoices } from "./select.js";

/** Writes what a run leaves: the checkpoint, its record and report. */
export async function writeResults(job: Job, trained: Trained): Promise<void> {
  const { settings, data, out, log } = job;
  const { layout, parameters } = trained;
  const weights = new Map(
    layout.slots.map(({ name, shape, offset, size }) => [name, { shape, data: parameters.subarray(offset, offset + size) }]),
  );
  const record = describeTraining(job, trained);
  const { renderReport } = await import("./report.js"); // draws with large libraries, which a start need not wait for
  const report = renderReport({ record, ...describeResults(job, trained) });
  replaceModel(out, (folder) => {
    writeCheckpoint(folder, { config: data.checkpoint.config, weights });
    writeTokenizerFiles(data.base, folder, settings.maxLength);
    writeFileAtomic(join(folder, recordFile), `${JSON.stringify(record, null, 2)}\n`);
    writeFileAtomic(join(folder, "report.html"), report);
  });
  log.info(`trained in ${formatSeconds(record.seconds)} at ${record.tokens_per_second.toFixed(0)} tokens/s`);
  log.info(`validation RMSE: ${describeChoices(record.choices!)}`);
  log.info(`wrote the ${settings.select} weights to ${out}, validation RMSE ${record.validation.rmse.toFixed(4)}`);
}

/** What the report shows beside the record. */
function describeResults({ data, training, validation }: Job, { steps, predictions }: Trained): Omit<ReportContent, "record"> {
  const passages = new Map(data.passages.map((passage) => [passage.id, passage]));
  const find = (rows: readonly Row[]) => rows.flatMap(({ id }) => passages.get(id) ?? []); // windows of passages left out
  const heldOut = predictions.map((prediction, i) => {
    const { id, ids } = validation[i]!;
    return { ...prediction, excerpt: passages.get(id)!.excerpt, tokens: ids.length };
  });
  return { steps, heldOut, floors: scoreFloors(find(training), find(validation)) };
}

function describeTraining({ settings, data, split, identity }: Job, trained: Trained): TrainingRecord {
  const { steps, epochs, workers, predictions } = trained;
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
    recipe: {
      head: settings.head,
      epochs: settings.epochs,
      batch: settings.batch,
      lr: settings.lr,
      warmup: settings.warmup,
      loss: settings.loss,
      dropout: settings.dropout,
      clip: settings.clip,
      beta1: settings.beta1,
      beta2: settings.beta2,
      epsilon: settings.epsilon,
      weight_decay: settings.weightDecay,
      weighting: settings.weighting,
      layer_decay: settings.layerDecay,
      ema: settings.ema,
      ...(settings.teacher === undefined
        ? {}
        : { teacher: settings.teacher, teacher_weight: settings.teacherWeight, windows: settings.windows }),
    },
    epochs: [...epochs],
    validation: { rows: predictions.length, rmse: choices[choices.selected]! },
    choices,
    run: identity,
    steps: steps.length,
    workers,
    seconds,
    tokens_per_second: tokens / seconds,
  };
}
