import { join } from "node:path";
import { readCheckpoint, writeCheckpoint } from "../../lib/bert/checkpoint.js";
import { countCores } from "../../lib/cores.js";
import { fail } from "../../lib/errors.js";
import { writeFileAtomic } from "../../lib/files.js";
import { resolveBase } from "../../lib/hub.js";
import { createLog } from "../../lib/log.js";
import { parseOptions } from "../../lib/options.js";
import { producer } from "../../lib/producer.js";
import { formatSeconds, showProgress } from "../../lib/progress.js";
import { abortOnSignals } from "../../lib/signals.js";
import { readPassages } from "../../lib/text/dataset.js";
import { splitPassages } from "../../lib/text/split.js";
import { loadTokenizer, writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import { recordFile, type TrainingRecord } from "../../lib/training-record.js";
import { openMetrics } from "./metrics.js";
import { fillSettings, options } from "./options.js";
import { createReplicas } from "./replicas.js";
import { type Prediction, renderReport } from "./report.js";
import type { Row } from "./rows.js";
import { describeRun, loadState, removeState, saveState } from "./state.js";
import { type EpochResult, stepsPerEpoch, train } from "./train.js";

/** Trains on graded passages and leaves a checkpoint. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = fillSettings(parseOptions("train", options, argv));
  const { out, maxLength, batch } = settings;
  const log = createLog("train");
  const { passages, warnings, fingerprint } = readPassages(settings.data, { targets: true });
  for (const warning of warnings) log.warn(warning);
  const base = await resolveBase(settings.base, { log: (message) => log.info(message) });
  const checkpoint = readCheckpoint(base, settings.seed);
  if (maxLength > checkpoint.config.positions) fail("too-long", { maxLength, positions: checkpoint.config.positions, base: settings.base });
  const tokenizer = loadTokenizer(base);
  const rows = passages.map(({ id, excerpt, target }): Row => ({ id, ids: tokenizer.encodeTruncated(excerpt, maxLength), target }));
  const split = splitPassages(passages, settings.validation, settings.seed);
  const [training, validation] = [split.train.map((i) => rows[i]!), split.validation.map((i) => rows[i]!)];
  const perEpoch = stepsPerEpoch(training.length, batch);
  if (perEpoch === 0 || validation.length === 0)
    fail("too-few-rows", { file: settings.data, training: training.length, validation: validation.length, batch });

  const workers = settings.workers || countCores();
  const adamw = { beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon, weightDecay: settings.weightDecay };
  const replicas = await createReplicas(checkpoint, {
    workers,
    adamw,
    loss: settings.loss,
    clip: settings.clip,
    dropout: settings.dropout,
    microBatch: settings.microBatch,
  });
  try {
    const identity = describeRun(settings, fingerprint, settings.base, workers);
    const stepsBefore = settings.resume ? loadState(out, replicas.state, identity) : 0;
    const metrics = openMetrics(out, stepsBefore);
    const total = settings.maxSteps > 0 ? Math.min(settings.maxSteps, perEpoch * settings.epochs) : perEpoch * settings.epochs;
    log.info(
      `${training.length} passages to train on, ${validation.length} held out; ${total} steps of ${batch} on ${workers} workers${stepsBefore > 0 ? `, from step ${stepsBefore}` : ""}`,
    );
    const progress = showProgress("train", total, "steps");
    const epochs: EpochResult[] = [];
    let predictions: readonly Prediction[] = [];
    process.stdout.write("| Epoch | Training Loss | Validation Loss | Rmse |\n|------:|--------------:|----------------:|-----:|\n");
    const ended = await train({
      settings,
      training,
      validation,
      replicas,
      metrics,
      progress,
      log,
      stepsBefore,
      stop: abortOnSignals(),
      save: (step) => saveState(out, replicas.state, step, identity),
      report(result, scores) {
        epochs.push(result);
        predictions = validation.map(({ id, target }, i) => ({ id, target, score: scores[i]! }));
        process.stdout.write(
          `| ${result.epoch} | ${result.training_loss.toFixed(4)} | ${result.validation_loss.toFixed(4)} | ${result.rmse.toFixed(4)} |\n`,
        );
      },
    });
    progress.stop();
    if (!ended) {
      log.info(`stopped after step ${metrics.steps.at(-1)?.step}; --resume goes on from there`);
      return 0;
    }
    const weights = new Map(
      replicas.layout.slots.map(({ name, shape, offset, size }) => [
        name,
        { shape, data: replicas.state.parameters.subarray(offset, offset + size) },
      ]),
    );
    writeCheckpoint(out, { config: checkpoint.config, weights });
    writeTokenizerFiles(base, out, maxLength);
    const seconds = metrics.steps.reduce((sum, step) => sum + step.seconds, 0);
    const tokens = metrics.steps.reduce((sum, step) => sum + step.tokens, 0);
    const { seed, epochs: epochCount, lr, warmup, loss, dropout, clip } = settings;
    const record: TrainingRecord = {
      producer: `${producer.name} ${producer.version}`,
      base: settings.base,
      seed,
      max_length: maxLength,
      validation_fraction: settings.validation,
      data: { file: settings.data, fingerprint, rows: passages.length },
      recipe: {
        epochs: epochCount,
        batch,
        lr,
        warmup,
        loss,
        dropout,
        clip,
        beta1: adamw.beta1,
        beta2: adamw.beta2,
        epsilon: adamw.epsilon,
        weight_decay: adamw.weightDecay,
      },
      epochs,
      validation: { rows: validation.length, rmse: epochs.at(-1)!.rmse },
      steps: metrics.steps.length,
      workers,
      seconds,
      tokens_per_second: tokens / seconds,
    };
    writeFileAtomic(join(out, recordFile), `${JSON.stringify(record, null, 2)}\n`);
    writeFileAtomic(join(out, "report.html"), renderReport(record, metrics.steps, predictions));
    removeState(out);
    log.info(
      `trained in ${formatSeconds(seconds)} at ${record.tokens_per_second.toFixed(0)} tokens/s; validation RMSE ${record.validation.rmse.toFixed(4)}; checkpoint in ${out}`,
    );
    return 0;
  } finally {
    await replicas.close();
  }
}
