import type { Log } from "../../lib/cli/log.js";
import { showProgress } from "../../lib/cli/progress.js";
import type { Split } from "../../lib/data/split.js";
import { fail } from "../../lib/errors/errors.js";
import { countCores } from "../../lib/system/cores.js";
import type { Row } from "../../lib/training/batch.js";
import { createReplicas, type Replicas } from "../../lib/training/trainer.js";
import type { Prediction } from "./charts.js";
import type { Data } from "./data.js";
import { formatEpoch, tableHead } from "./epoch-table.js";
import { tidyUp } from "./finish.js";
import { type EpochResult, openMetrics, type StepMetrics } from "./metrics.js";
import type { Settings } from "./options.js";
import { bestOf, type Selection } from "./select.js";
import { describeRun, type Identity, loadState, markDiverged, saveState } from "./state.js";
import type { Teaching } from "./teacher.js";
import { lastStep, stepsPerEpoch, train } from "./train.js";

/** One model to train. */
export interface Job {
  readonly settings: Settings;
  readonly data: Data;
  readonly training: readonly Row[];
  /** Held out to measure on. */
  readonly validation: readonly Row[];
  readonly split: Split;
  readonly identity: Identity;
  /** Folder of its state and metrics. */
  readonly out: string;
  readonly log: Log;
  /** Aborted when the user wants the run to end after its step. */
  readonly stop: AbortSignal;
}

/** A model that is trained. */
export interface Trained {
  /** Its weights, as `layout` has them. */
  readonly parameters: Float32Array;
  readonly layout: Replicas["layout"];
  /** Of the held-out rows. */
  readonly predictions: readonly Prediction[];
  readonly epochs: readonly EpochResult[];
  readonly steps: readonly StepMetrics[];
  readonly workers: number;
}

export const countWorkers = ({ workers }: Settings): number => workers || countCores();

/** What must be the same for a resumed run: the settings, and the content of what they name. */
export function identifyRun(settings: Settings, data: Data, teaching: Teaching | undefined): Identity {
  const run = describeRun(settings, data.fingerprint, settings.base, countWorkers(settings));
  return teaching ? { ...run, teacher: teaching.fingerprint } : run;
}

/** @throws too-few-rows */
export function checkJob({ settings: { data, batch }, training, validation }: Job): void {
  if (stepsPerEpoch(training.length, batch) === 0 || validation.length === 0)
    fail("too-few-rows", { file: data, training: training.length, validation: validation.length, batch });
}

/** Trains a model from its start or, with --resume, from its saved state; undefined where it was stopped before its end. */
export async function runJob(job: Job): Promise<Trained | undefined> {
  const { settings, data, training, validation, identity, out, log } = job;
  checkJob(job);
  tidyUp(out);
  const workers = countWorkers(settings);
  const { beta1, beta2, epsilon, weightDecay, loss, clip, dropout, microBatch, layerDecay, ema, select } = settings;
  const adamw = { beta1, beta2, epsilon, weightDecay };
  const replicas = await createReplicas(data.checkpoint, { workers, adamw, loss, clip, dropout, microBatch, layerDecay, ema });
  try {
    const { parameters, average } = replicas.state;
    const best = select === "best" ? new Float32Array(parameters.length) : undefined;
    const state = { ...replicas.state, best };
    const saved = settings.resume ? loadState(out, state, identity, log) : undefined;
    const { step: stepsBefore, history } = saved ?? { step: 0, history: { steps: [], epochs: [] } };
    const total = lastStep(settings, training.length);
    if (stepsBefore > total) fail("too-few-steps", { maxSteps: settings.maxSteps, stepsBefore });
    const metrics = openMetrics(out, history);
    const { epochs } = metrics;
    const rows = `${settings.windows > 0 ? "passages and windows" : "passages"}: ${training.length} for training, ${validation.length} held out`;
    const from = stepsBefore > 0 ? `, from step ${stepsBefore}` : "";
    log.info(`${rows}; steps: ${total} of batch size ${settings.batch}${from}; workers: ${workers}`);
    const progress = showProgress("train", total, "steps", stepsBefore);
    const scores: { [selection in Selection]?: Float32Array | undefined } = {};
    process.stdout.write(tableHead);
    const ended = await train({
      settings,
      training,
      validation,
      replicas,
      metrics,
      progress,
      log,
      stepsBefore,
      stop: job.stop,
      save: (step) => saveState(out, state, { step, history: metrics }, identity),
      markDiverged: (step) => markDiverged(out, step, identity),
      report(result, scored) {
        metrics.addEpoch(result);
        Object.assign(scores, scored);
        if (bestOf(epochs) === result) {
          scores.best = scored.last;
          best?.set(parameters);
        }
        process.stdout.write(formatEpoch(result));
        if (result.average_rmse !== undefined)
          log.info(`epoch ${result.epoch}: RMSE of the moving average ${result.average_rmse.toFixed(4)}`);
      },
    });
    progress.stop();
    if (!ended) {
      log.info(
        metrics.steps.length === 0
          ? "stopped before the first step"
          : `stopped after step ${metrics.steps.at(-1)!.step}; continue with --resume`,
      );
      return undefined;
    }
    metrics.sync();
    const chosen = { last: undefined, best, average }[select];
    if (chosen) parameters.set(chosen);
    const selected = scores[select] ?? (await replicas.evaluate(validation)); // the best epoch may have been before --resume
    return {
      parameters,
      layout: replicas.layout,
      predictions: validation.map(({ id, target }, i) => ({ id, target, score: selected[i]! })),
      epochs,
      steps: metrics.steps,
      workers,
    };
  } finally {
    await replicas.close();
  }
}
