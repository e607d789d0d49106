import { formatSeconds } from "../../lib/cli/progress.js";
import { fail } from "../../lib/errors/errors.js";
import { mean } from "../../lib/math/statistics.js";
import { learningRateAt } from "../../lib/training/schedule.js";
import { batches, lastStep, stepsPerEpoch } from "./batches.js";
import { formatEpoch } from "./epoch-table.js";
import type { Run } from "./job.js";
import { bestOf } from "./select.js";
import { markDiverged, saveState } from "./state.js";

/** Trains until the last step, or until the user stops the run. Returns whether it was the last step. @throws not-finite */
export async function train(run: Run): Promise<boolean> {
  const { settings, training, augment, trainer, metrics, progress, out, state, identity, stop, stepsBefore } = run;
  const { batch: size, epochs, lr, warmup, checkpointEvery } = settings;
  const [total, last] = [stepsPerEpoch(training.length, size) * epochs, lastStep(settings, training.length)];
  const isStopped = (step: number) => stop.aborted && step < last; // after the last step the run ends as usual
  const pending = findPendingEpoch(run);
  if (pending !== undefined && !isStopped(stepsBefore)) await evaluate(run, pending);
  for (const batch of batches(training, settings, stepsBefore, augment)) {
    if (stop.aborted) return false; // the state is saved
    const { step, epoch, tokens } = batch;
    const learning_rate = learningRateAt(step, total, lr, warmup);
    const began = performance.now();
    const { loss, gradientNorm } = await trainer.step(batch, learning_rate);
    const seconds = (performance.now() - began) / 1000;
    if (!Number.isFinite(loss + gradientNorm)) {
      const rows = batch.examples.map(({ id }) => id).join(", ");
      fail("not-finite", { step, loss, gradientNorm, rows, remedy: markDiverged(out, step, identity) });
    }
    metrics.add({ step, epoch, loss, learning_rate, gradient_norm: gradientNorm, tokens, seconds });
    progress.update(step, { epoch: `${epoch}/${epochs}`, loss: loss.toFixed(3), "tokens/s": (tokens / seconds).toFixed(0) });
    if (batch.endsEpoch || step % checkpointEvery === 0 || stop.aborted) saveState(out, state, { step, history: metrics }, identity);
    if (batch.endsEpoch && !isStopped(step)) await evaluate(run, epoch);
  }
  return true;
}

/** The epoch that an earlier process completed but did not evaluate. */
function findPendingEpoch({ settings, training, stepsBefore, metrics }: Run): number | undefined {
  const perEpoch = stepsPerEpoch(training.length, settings.batch);
  const epoch = Math.ceil(stepsBefore / perEpoch);
  const isComplete = stepsBefore % perEpoch === 0 || stepsBefore === lastStep(settings, training.length);
  return isComplete && epoch !== (metrics.epochs.at(-1)?.epoch ?? 0) ? epoch : undefined;
}

/** Scores the held-out passages after an epoch, keeps the best weights, and prints the epoch's row. */
async function evaluate({ trainer, validation, metrics, state, scores, log }: Run, epoch: number): Promise<void> {
  const began = performance.now();
  const last = await trainer.score(validation);
  const average = state.average && (await trainer.score(validation, "average"));
  log.debug(`evaluation took ${formatSeconds((performance.now() - began) / 1000)}`);
  const measureLoss = (scores: Float32Array) => mean(validation.map(({ target }, i) => (scores[i]! - target) ** 2));
  const validation_loss = measureLoss(last);
  const result = {
    epoch,
    training_loss: mean(metrics.steps.filter((step) => step.epoch === epoch).map(({ loss }) => loss)),
    validation_loss,
    rmse: Math.sqrt(validation_loss),
    average_rmse: average && Math.sqrt(measureLoss(average)),
  };
  metrics.addEpoch(result);
  Object.assign(scores, { last, average });
  if (bestOf(metrics.epochs) === result) {
    scores.best = last;
    state.best?.set(state.parameters);
  }
  process.stdout.write(formatEpoch(result));
  if (result.average_rmse !== undefined) log.info(`epoch ${epoch}: RMSE of the moving average ${result.average_rmse.toFixed(4)}`);
}
