import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Log } from "../../lib/cli/log.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { splitFolds } from "../../lib/data/split.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import type { Data } from "./data.js";
import { writeFolds } from "./folds-report.js";
import type { Job } from "./job.js";
import type { Settings } from "./options.js";
import { readJson } from "./read-json.js";
import { checkJob, runJob } from "./run.js";
import { checkIdentity, type Identity, identifyRun, identitySchema, passedBy, removeState } from "./state.js";
import { consultTeacher, type Teaching } from "./teacher.js";
import { pickTrainingExamples } from "./training-examples.js";

/** Trains one model per fold, on the passages of the other folds, and reports the scores of all passages. */
export async function trainFolds(settings: Settings, data: Data, log: Log): Promise<void> {
  const { out, folds, resume, maxSteps } = settings;
  const all = [...data.passages.keys()];
  const teaching = await consultTeacher(settings, data, { trained: all, held: all }, log);
  const jobs = listJobs(settings, data, teaching, log);
  jobs.forEach(checkJob);
  const file = join(out, "folds-state.json");
  const identity = { ...identifyRun(settings, data, teaching), maxSteps };
  if (!resume) rmSync(file, { force: true });
  const finished = readFinished(file, identity, passedBy(settings), log);
  for (const job of resume ? jobs.slice(0, finished.length) : jobs) removeState(job.out);
  for (const job of jobs.slice(finished.length)) {
    log.info(`fold ${finished.length + 1} of ${folds}`);
    const trained = await runJob(job);
    if (trained === undefined) return;
    finished.push([...trained.predictions]);
    writeFileAtomic(file, JSON.stringify({ identity, finished } satisfies FoldsState));
    removeState(job.out);
  }
  writeFolds(settings, data, finished);
  rmSync(file);
}

function listJobs(settings: Settings, data: Data, teaching: Teaching | undefined, log: Log): readonly Job[] {
  const { out, folds, seed, splitSeed = seed } = settings;
  const foldOf = splitFolds(data.passages, folds, splitSeed);
  const common = {
    settings,
    data,
    identity: identifyRun(settings, data, teaching),
    teacherSpread: teaching?.spread,
    log,
    stop: abortOnSignals(),
  };
  return Array.from({ length: folds }, (_, fold): Job => {
    const others = [...foldOf.keys()].filter((i) => foldOf[i] !== fold);
    return {
      ...common,
      training: pickTrainingExamples(settings, data, others, teaching),
      validation: data.examples.filter((_, i) => foldOf[i] === fold),
      split: { seed: splitSeed, validation_fraction: 1 / folds, fold: { number: fold + 1, of: folds } },
      out: join(out, `fold-${fold + 1}`),
    };
  });
}

const predictionSchema = z.object({ id: z.string(), target: z.number(), score: z.number() });
const stateSchema = z.object({ identity: identitySchema, finished: z.array(z.array(predictionSchema)) });
/** What a resumed run continues from: the predictions of each finished fold. */
type FoldsState = z.infer<typeof stateSchema>;

/** @throws other-run, bad-config */
function readFinished(file: string, identity: Identity, passed: readonly string[], log: Log): FoldsState["finished"] {
  if (!existsSync(file)) return [];
  const state = readJson(file, stateSchema, "Delete it to train all folds again.");
  checkIdentity(file, state.identity, identity, passed, log);
  return state.finished;
}
