import { showProgress } from "../../lib/cli/progress.js";
import { fail } from "../../lib/errors/errors.js";
import type { Scale } from "../../lib/repository/training-record.js";
import { createTrainer, type Trainer } from "../../lib/training/trainer.js";
import { createAugment, isAugmented } from "./augment.js";
import { lastStep, stepsPerEpoch } from "./batches.js";
import { tableHead } from "./epoch-table.js";
import { tidyUp } from "./finish.js";
import type { Job, Run, Trained } from "./job.js";
import { openMetrics } from "./metrics.js";
import { countWorkers } from "./options.js";
import { writeResults } from "./results.js";
import { chooseScale, scaleTrainer } from "./scale.js";
import { loadState, passedBy } from "./state.js";
import { train } from "./train.js";

/** @throws too-few-rows, same-targets */
export function checkJob({ settings: { data, batch }, training, validation }: Job): void {
  if (stepsPerEpoch(training.length, batch) === 0 || validation.length === 0)
    fail("too-few-rows", { file: data, training: training.length, validation: validation.length, batch });
  const { target } = training[0]!;
  if (training.every((example) => example.target === target)) fail("same-targets", { file: data, passages: training.length, target });
}

/** Trains a model and writes it. Returns undefined if the user stopped the run before its last step. */
export async function runJob(job: Job): Promise<Trained | undefined> {
  tidyUp(job.out);
  const trained = await trainModel(job);
  if (trained !== undefined) await writeResults(job, trained);
  return trained;
}

async function trainModel(job: Job): Promise<Trained | undefined> {
  const scale = chooseScale(job.training.map(({ target }) => target));
  const engine = await createTrainer(job.data.checkpoint, { ...job.settings, workers: countWorkers(job.settings) });
  const trainer = scale ? scaleTrainer(engine, scale) : engine;
  try {
    const run = prepare(job, trainer, scale);
    const isComplete = await train(run);
    run.progress.stop();
    if (isComplete) return await finish(run);
    const step = run.metrics.steps.at(-1)?.step;
    job.log.info(step === undefined ? "stopped before the first step" : `stopped after step ${step}; continue with --resume`);
    return undefined;
  } finally {
    await trainer.close();
  }
}

/** Starts from the base or, with --resume, from the saved state. @throws too-few-steps, and what loadState throws */
function prepare(job: Job, trainer: Trainer, scale: Scale | undefined): Run {
  const { settings, training, validation, identity, out, log } = job;
  const best = settings.select === "best" ? new Float32Array(trainer.layout.size) : undefined;
  const state = { ...trainer.state, best };
  const saved = settings.resume ? loadState(out, state, identity, log, passedBy(settings)) : undefined;
  const { step: stepsBefore, history } = saved ?? { step: 0, history: { steps: [], epochs: [] } };
  const last = lastStep(settings, training.length);
  if (stepsBefore > last) fail("too-few-steps", { maxSteps: settings.maxSteps, stepsBefore });
  const metrics = openMetrics(out, history);
  const kinds = ["passages", ...(settings.windows > 0 ? ["windows"] : []), ...(settings.unlabelled ? ["unlabelled passages"] : [])];
  const examples = `${kinds.join(" and ")}: ${training.length} for training, ${validation.length} held out`;
  const from = stepsBefore > 0 ? `, from step ${stepsBefore}` : "";
  log.info(`${examples}; steps: ${last} of batch size ${settings.batch}${from}; workers: ${countWorkers(settings)}`);
  if (scale)
    log.info(
      `labels have a mean of ${scale.mean.toFixed(4)} and a standard deviation of ${scale.deviation.toFixed(4)}: they are standardized for training, and the checkpoint gives scores on their scale`,
    );
  const progress = showProgress("train", last, "steps", stepsBefore);
  process.stdout.write(tableHead);
  const augment = isAugmented(settings) ? createAugment(settings, job.data.tokenizer, training) : undefined;
  return { ...job, scale, augment, trainer, state, stepsBefore, metrics, progress, scores: {} };
}

/** Takes the selected weights, with their scores of the held-out passages. */
async function finish({ settings, scale, trainer, state, validation, metrics, scores }: Run): Promise<Trained> {
  metrics.sync();
  const { parameters, average, best } = state;
  const selected = { last: undefined, best, average }[settings.select];
  if (selected) parameters.set(selected);
  const chosen = scores[settings.select] ?? (await trainer.score(validation)); // an earlier process may have scored the best epoch
  return {
    parameters,
    layout: trainer.layout,
    scale,
    predictions: validation.map(({ id, target }, i) => ({ id, target, score: chosen[i]! })),
    steps: metrics.steps,
    epochs: metrics.epochs,
  };
}
