import { createLog } from "../../lib/log.js";
import { parseOptions } from "../../lib/options.js";
import { abortOnSignals } from "../../lib/signals.js";
import { splitPassages } from "../../lib/text/split.js";
import { readData } from "./data.js";
import { isFinished } from "./finish.js";
import { fillSettings, options } from "./options.js";
import { writeResults } from "./results.js";
import { checkJob, identify, type Job, runJob } from "./run.js";
import { hasState, removeState } from "./state.js";
import { lastStep } from "./train.js";

/** Trains on graded passages and leaves a checkpoint. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = fillSettings(parseOptions("train", options, argv));
  const log = createLog("train");
  const data = await readData(settings, log);
  const split = splitPassages(data.passages, settings.validation, settings.seed);
  const [training, validation] = [split.train.map((i) => data.rows[i]!), split.validation.map((i) => data.rows[i]!)];
  const job: Job = { settings, data, training, validation, out: settings.out, log, stop: abortOnSignals() };
  checkJob(job);
  const last = lastStep(settings, training.length);
  if (settings.resume && isFinished(job.out, identify(job), last, log)) {
    log.info(`${job.out} holds the finished model of this run: nothing is left to do`);
    return 0;
  }
  if (!settings.resume && hasState(job.out)) log.warn(`${job.out} holds a saved state, from which --resume would go on: it is replaced`);
  const trained = await runJob(job);
  if (trained === undefined) return 0;
  writeResults(job, trained);
  if (last === lastStep({ ...settings, maxSteps: 0 }, training.length)) removeState(job.out); // else a run with more steps may go on from it
  return 0;
}
