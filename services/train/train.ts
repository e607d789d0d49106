import type { Log } from "../../lib/cli/log.js";
import { formatSeconds, type Progress } from "../../lib/cli/progress.js";
import { fail } from "../../lib/errors/errors.js";
import { createRandom } from "../../lib/math/random.js";
import { mean } from "../../lib/math/statistics.js";
import type { Row } from "../../lib/training/batch.js";
import { learningRateAt } from "../../lib/training/schedule.js";
import type { Replicas } from "../../lib/training/trainer.js";
import type { EpochResult, Metrics } from "./metrics.js";
import type { Settings } from "./options.js";

/** Scores of the held-out rows by the weights after an epoch, and by their moving average where there is one. */
export interface Scores {
  readonly last: Float32Array;
  readonly average: Float32Array | undefined;
}

export interface Run {
  readonly settings: Settings;
  readonly training: readonly Row[];
  readonly validation: readonly Row[];
  readonly replicas: Replicas;
  readonly metrics: Metrics;
  readonly progress: Progress;
  readonly log: Log;
  /** Steps taken before this process, by a run that is resumed. */
  readonly stepsBefore: number;
  /** Aborted when the user wants the run to end after its step. */
  readonly stop: AbortSignal;
  readonly save: (step: number) => void;
  /** Remembers that a step was not finite, and answers the way out. */
  readonly markDiverged: (step: number) => string;
  readonly report: (result: EpochResult, scores: Scores) => void;
}

export const streams = { order: 1, dropout: 2, windows: 3 } as const; // of random numbers, beside the split's and the head's

/** How many steps an epoch has; its last partial batch is dropped. */
export const stepsPerEpoch = (rows: number, batch: number): number => Math.floor(rows / batch);

/** After which step the run ends: the schedule's last, or --max-steps. */
export function lastStep({ maxSteps, batch, epochs }: Settings, rows: number): number {
  const total = stepsPerEpoch(rows, batch) * epochs;
  return maxSteps > 0 ? Math.min(maxSteps, total) : total;
}

/** Trains to the end, to --max-steps or until stopped; answers whether it was the end. */
export async function train(run: Run): Promise<boolean> {
  const { settings, training, metrics, save, stop } = run;
  const perEpoch = stepsPerEpoch(training.length, settings.batch);
  const last = lastStep(settings, training.length);
  for (let step = run.stepsBefore; ; ) {
    if (stop.aborted && step < last) return false; // its state is saved
    const epoch = Math.ceil(step / perEpoch);
    const epochEnds = step > 0 && (step % perEpoch === 0 || step === last);
    if (epochEnds && metrics.epochs.at(-1)?.epoch !== epoch) {
      await evaluate(run, epoch);
      continue;
    }
    if (step === last) return true;
    await takeStep(run, ++step, perEpoch);
    // Evaluation takes long enough to be killed in.
    if (step % settings.checkpointEvery === 0 || step % perEpoch === 0 || step === last || stop.aborted) save(step);
  }
}

async function takeStep(run: Run, step: number, perEpoch: number): Promise<void> {
  const { settings, training, replicas, metrics, progress } = run;
  const epoch = Math.ceil(step / perEpoch);
  const batch = pickBatch(training, settings, epoch, (step - 1) % perEpoch);
  const learningRate = learningRateAt(step, perEpoch * settings.epochs, settings.lr, settings.warmup);
  const began = performance.now();
  const { loss, gradientNorm } = await replicas.step(batch, step, learningRate, dropoutSeed(settings, step));
  const seconds = (performance.now() - began) / 1000;
  if (!Number.isFinite(loss + gradientNorm)) {
    fail("not-finite", { step, loss, gradientNorm, rows: describeRows(batch), remedy: run.markDiverged(step) });
  }
  const tokens = batch.reduce((sum, { ids }) => sum + ids.length, 0);
  metrics.add({ step, epoch, loss, learning_rate: learningRate, gradient_norm: gradientNorm, tokens, seconds });
  progress.update(step, { epoch: `${epoch}/${settings.epochs}`, loss: loss.toFixed(3), "tokens/s": (tokens / seconds).toFixed(0) });
}

/** Batch `index` of an epoch, in the epoch's own order of the passages. */
function pickBatch(training: readonly Row[], { seed, batch }: Settings, epoch: number, index: number): readonly Row[] {
  const order = createRandom(seed, streams.order, epoch).shuffle(training.map((_, i) => i));
  return order.slice(index * batch, (index + 1) * batch).map((i) => training[i]!);
}

const dropoutSeed = ({ seed }: Settings, step: number) => createRandom(seed, streams.dropout, step).int(2 ** 31);
const describeRows = (batch: readonly Row[]) => batch.map(({ id }) => id).join(", ");

/** Scores the held-out rows and reports the epoch. */
async function evaluate({ replicas, validation, metrics, log, report }: Run, epoch: number): Promise<void> {
  const began = performance.now();
  const last = await replicas.evaluate(validation);
  const average = replicas.state.average && (await replicas.evaluate(validation, "average"));
  const measure = (scores: Float32Array) => mean(validation.map(({ target }, i) => (scores[i]! - target) ** 2));
  const loss = measure(last);
  const training_loss = mean(metrics.steps.filter((step) => step.epoch === epoch).map((step) => step.loss));
  const average_rmse = average && Math.sqrt(measure(average));
  log.debug(`evaluation took ${formatSeconds((performance.now() - began) / 1000)}`);
  report({ epoch, training_loss, validation_loss: loss, rmse: Math.sqrt(loss), average_rmse }, { last, average });
}
