import { createLog, type Log } from "../../lib/cli/log.js";
import { parseOptions } from "../../lib/cli/options.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { splitPassages } from "../../lib/data/split.js";
import { withLock } from "../../lib/storage/lock.js";
import { averageCheckpoints } from "./average.js";
import { lastStep } from "./batches.js";
import { checkCombinations } from "./combinations.js";
import { type Data, readData } from "./data.js";
import { isFinished } from "./finish.js";
import { trainFolds } from "./folds.js";
import type { Job } from "./job.js";
import { fillSettings, options, type Settings } from "./options.js";
import { checkJob, runJob } from "./run.js";
import { hasState, identifyRun, passedBy, removeState } from "./state.js";
import { consultTeacher } from "./teacher.js";
import { pickTrainingExamples } from "./training-examples.js";

/** Trains a model on labelled passages, or one per fold, or averages checkpoints. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = fillSettings(parseOptions("train", options, argv));
  checkCombinations(settings);
  await withLock(settings.out, () => run(settings, createLog("train")));
  return 0;
}

async function run(settings: Settings, log: Log): Promise<void> {
  if (settings.average.length > 0) return averageCheckpoints(settings, log);
  const data = await readData(settings, log);
  const train = settings.folds > 0 ? trainFolds : trainOne;
  await train(settings, data, log);
}

async function trainOne(settings: Settings, data: Data, log: Log): Promise<void> {
  const { out, resume, seed, splitSeed = seed, validation: validation_fraction } = settings;
  const { train, validation: held } = splitPassages(data.passages, validation_fraction, splitSeed);
  const teaching = await consultTeacher(settings, data, { trained: train, held }, log);
  const training = pickTrainingExamples(settings, data, train, teaching);
  const validation = held.map((i) => data.examples[i]!);
  const split = { seed: splitSeed, validation_fraction };
  const identity = identifyRun(settings, data, teaching);
  const teacherSpread = teaching?.spread;
  const job: Job = { settings, data, training, validation, split, identity, teacherSpread, out, log, stop: abortOnSignals() };
  checkJob(job);
  const last = lastStep(settings, training.length);
  if (resume && isFinished(out, identity, last, log, passedBy(settings)))
    return log.info(`${out} already has the finished model of this run; nothing to do`);
  if (!resume && hasState(out)) log.warn(`replacing the saved state in ${out}; --resume would continue from it`);
  const trained = await runJob(job);
  const isWholeSchedule = last === lastStep({ ...settings, maxSteps: 0 }, training.length); // else more steps may follow with --resume
  if (trained !== undefined && isWholeSchedule) removeState(out);
}
