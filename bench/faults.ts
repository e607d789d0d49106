/**
 * What becomes of requests under injected faults: 50 clients, each scenario for 60 s, every score compared bit for bit with that of
 * the text alone. Exits with 1 if an accepted request was lost, a score was wrong, or a status other than 200 and 503 came.
 *
 *     node dist/bench/faults.js [--scenarios kill,reload] [--seconds 60]
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kinds, option, parseOptions } from "../lib/cli/options.js";
import { places } from "../lib/cli/paths.js";
import { runMain } from "../lib/cli/run-main.js";
import { abortOnSignals } from "../lib/cli/signals.js";
import { fail } from "../lib/errors/errors.js";
import { readNewestVersion } from "../lib/repository/repository.js";
import { openModel } from "../lib/serving/model.js";
import { createScheduler } from "../lib/serving/scheduler.js";
import { scoreText } from "../lib/serving/score-text.js";
import { describeMachine } from "../lib/system/machine.js";
import type { Expected } from "./fault-load.js";
import { type Outcome, runScenario, scenarios } from "./fault-scenarios.js";
import { makeRepository } from "./make-repository.js";
import { publishChanged, serveFloat32 } from "./publish.js";
import { drawPassages } from "./texts.js";

const options = {
  model: option(kinds.text, places.releasedModel, "Checkpoint to serve."),
  small: option(kinds.flag, false, "Serve a small BERT of random weights instead, with the tokenizer of --model."),
  data: option(kinds.text, places.sample, "Passages to send."),
  texts: option(kinds.positive, 50, "How many of them."),
  scenarios: option<readonly string[]>(kinds.list, Object.keys(scenarios), `Which of: ${Object.keys(scenarios).join(", ")}.`),
  clients: option(kinds.positive, 50, "Clients, each sending its next request when the last one is answered."),
  seconds: option(kinds.duration, 60, "Length of each scenario."),
  patience: option(kinds.duration, 120, "Seconds for a server to start."),
};

const columns = ["", "right", "wrong", "accepted and lost", "other errors", "refused (503)", "server away", ""];
const heading = `| ${columns.join(" | ")} |\n|---|${"---:|".repeat(6)}---|\n`;

await runMain(async (argv) => {
  const settings = parseOptions("bench_faults", options, argv);
  const unknown = settings.scenarios.find((name) => !(name in scenarios));
  if (unknown) fail("usage", { problem: `there is no scenario ${unknown}`, help: "node dist/bench/faults.js --help" });
  const signal = abortOnSignals();
  const folder = mkdtempSync(join(tmpdir(), "readability-faults-"));
  const place = (name: string) => join(folder, name);
  let exit = 0;
  try {
    const made = await makeRepository(folder, settings, signal);
    const passages = drawPassages(settings.data, settings.texts, 0);
    const texts = await scoreAlone(passages, made, place("float32"));
    process.stdout.write(`${JSON.stringify(describeMachine())}\n\n${heading}`);
    for (const key of settings.scenarios) {
      const repository = place(key);
      cpSync(made, repository, { recursive: true });
      const { name, run } = scenarios[key]!;
      process.stderr.write(`${name}\n`);
      const outcome = await runScenario(run, { ...settings, repository, texts, signal });
      process.stdout.write(formatRow(name, outcome));
      const { wrong, lost, failed } = outcome.tally;
      if (wrong + lost + failed > 0 || outcome.problem !== undefined) exit = 1;
      rmSync(repository, { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
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
  return `| ${[name, ...counts, [done, ...answers, ...(problem ? [problem] : [])].join("; ")].join(" | ")} |\n`;
}
