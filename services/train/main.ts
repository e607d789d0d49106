import { createLog } from "../../lib/log.js";
import { parseOptions } from "../../lib/options.js";
import { abortOnSignals } from "../../lib/signals.js";
import { splitPassages } from "../../lib/text/split.js";
import { readData } from "./data.js";
import { fillSettings, options } from "./options.js";
import { writeResults } from "./results.js";
import { checkJob, type Job, runJob } from "./run.js";
import { removeState } from "./state.js";

/** Trains on graded passages and leaves a checkpoint. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = fillSettings(parseOptions("train", options, argv));
  const log = createLog("train");
  const data = await readData(settings, log);
  const split = splitPassages(data.passages, settings.validation, settings.seed);
  const [training, validation] = [split.train.map((i) => data.rows[i]!), split.validation.map((i) => data.rows[i]!)];
  const job: Job = { settings, data, training, validation, out: settings.out, log, stop: abortOnSignals() };
  checkJob(job);
  const trained = await runJob(job);
  if (trained === undefined) return 0;
  writeResults(job, trained);
  removeState(settings.out);
  return 0;
}
