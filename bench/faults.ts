/**
 * Counts the outcomes of requests under injected faults: 50 clients, each scenario for 60 s. Every score is compared bit for bit with that
 * of the text alone. Exits with 1 if an accepted request was lost, a score was wrong, or a status other than 200 and 503 came.
 *
 *     node dist/bench/faults.js [--scenarios kill,reload] [--seconds 60]
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { kinds, option } from "../lib/cli/options.js";
import { fail } from "../lib/errors/errors.js";
import { markdownHead, markdownRow } from "../lib/report/markdown.js";
import { readNewestVersion } from "../lib/repository/repository.js";
import { openModel } from "../lib/serving/model.js";
import { createScheduler } from "../lib/serving/scheduler.js";
import { scoreText } from "../lib/serving/score-text.js";
import type { Expected } from "./fault-load.js";
import { type Outcome, runScenario, scenarios } from "./fault-scenarios.js";
import { publishChanged, serveFloat32 } from "./publish.js";
import { runBenchmark } from "./run.js";
import { prepareServing, servingOptions } from "./servers.js";
import { drawPassages } from "./texts.js";

const options = {
  ...servingOptions,
  texts: option(kinds.positive, 50, "How many passages to send."),
  scenarios: option<readonly string[]>(kinds.list, Object.keys(scenarios), `Which of: ${Object.keys(scenarios).join(", ")}.`),
  clients: option(kinds.positive, 50, "Clients, each sending its next request when the last one is answered."),
  seconds: option(kinds.duration, 60, "Length of each scenario."),
};

const columns = ["", "right", "wrong", "accepted and lost", "other errors", "refused (503)", "server away", ""];

await runBenchmark("faults", options, async (settings, run) => {
  const unknown = settings.scenarios.find((name) => !(name in scenarios));
  if (unknown) fail("usage", { problem: `there is no scenario ${unknown}`, help: "node dist/bench/faults.js --help" });
  const serving = await prepareServing(settings, run);
  const texts = await scoreAlone(drawPassages(settings.data, settings.texts, 0), serving.repository, join(run.folder, "float32"));
  process.stdout.write(markdownHead(columns, [0, columns.length - 1]));
  let exit = 0;
  for (const key of settings.scenarios) {
    const repository = join(run.folder, key);
    cpSync(serving.repository, repository, { recursive: true });
    const scenario = scenarios[key]!;
    process.stderr.write(`${scenario.name}\n`);
    const outcome = await runScenario(scenario, { ...settings, ...serving, repository, texts });
    process.stdout.write(formatRow(scenario.name, outcome));
    const { wrong, lost, failed } = outcome.tally;
    if (wrong + lost + failed > 0 || outcome.problem !== undefined) exit = 1;
    rmSync(repository, { recursive: true });
  }
  return exit;
});

/** Scores of each text by the version and by its float32 graph, one after another on an idle machine. */
async function scoreAlone(texts: readonly string[], repository: string, float32: string): Promise<readonly Expected[]> {
  cpSync(repository, float32, { recursive: true });
  publishChanged(float32, readNewestVersion(float32), serveFloat32);
  const scores: number[][] = [];
  for (const place of [repository, float32]) {
    const [model, scheduler] = [await openModel(place), createScheduler()];
    const own: number[] = [];
    for (const text of texts) own.push((await scoreText(scheduler, model, text)).score);
    scores.push(own);
    await model.engine.close();
  }
  const distinct = new Set(scores.flat()).size;
  if (distinct < 2 * texts.length) process.stderr.write(`only ${distinct} of ${2 * texts.length} scores are distinct\n`);
  return texts.map((text, i) => ({ text, scores: scores.map((own) => own[i]!) }));
}

function formatRow(name: string, { tally, done, problem }: Outcome): string {
  const { right, wrong, lost, failed, refused, unheard, reasons } = tally;
  const answers = Object.entries(reasons).map(([reason, count]) => `${count} answered ${reason}`);
  const counts = [right.reduce((sum, count) => sum + (count ?? 0), 0), wrong, lost, failed, refused, unheard];
  return markdownRow([name, ...counts, [done, ...answers, ...(problem ? [problem] : [])].join("; ")]);
}
