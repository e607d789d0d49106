import { createLog } from "../../lib/log.js";
import { parseOptions } from "../../lib/options.js";
import { abortOnSignals } from "../../lib/signals.js";
import { splitPassages } from "../../lib/text/split.js";
import { readData } from "./data.js";
import { isFinished, tidyUp } from "./finish.js";
import { fillSettings, options } from "./options.js";
import { writeResults } from "./results.js";
import { checkJob, identify, type Job, runJob } from "./run.js";
import { hasState } from "./state.js";
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
  tidyUp(job.out);
  if (settings.resume && isFinished(job.out, identify(job), lastStep(settings, training.length), log)) {
    log.info(`${job.out} holds the finished model of this run: nothing is left to do`);
    return 0;
  }
  if (!settings.resume && hasState(job.out)) log.warn(`${job.out} holds a saved state, from which --resume would go on: it is replaced`);
  const trained = await runJob(job);
  if (trained !== undefined) writeResults(job, trained);
  return 0;
}
