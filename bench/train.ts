/**
 * Training throughput beside PyTorch's, in turn on the same machine: real tokens a second (no padding, without the first two steps,
 * optimizer included on both sides), medians and ratios.
 *
 *     node dist/bench/train.js --peer PEERS/train.py --python python3 --base MiniLM --data train.csv.zip [--random-base] [--precisions fp32,bf16]
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { kinds, option, type Values } from "../lib/cli/options.js";
import { findData, places } from "../lib/cli/paths.js";
import { median } from "../lib/math/statistics.js";
import { markdownTable } from "../lib/report/markdown.js";
import type { StepMetrics } from "../services/train/metrics.js";
import { writeRandomBert } from "./random-bert.js";
import { type Run, runBenchmark } from "./run.js";
import { runProgram, serviceCommand } from "./servers.js";

const options = {
  base: option(kinds.text, places.releasedModel, "Checkpoint to train, a folder; the peer reads it too."),
  randomBase: option(kinds.flag, false, "Train a BERT-base of random weights, with the tokenizer of --base."),
  data: option(kinds.text, findData() ?? places.data, "Labelled passages."),
  peer: option(kinds.text, "train.py", "Script that trains with PyTorch: --base --data --precision --steps; prints tokens_per_second N."),
  python: option(kinds.text, "python3", "Python that has what the peer needs."),
  precisions: option<readonly string[]>(kinds.list, ["fp32"], "Precisions of the peer."),
  workers: option<readonly string[]>(kinds.list, ["2", "1"], "Counts of our workers."),
  steps: option(kinds.positive, 10, "Steps a run."),
  rounds: option(kinds.positive, 3, "Runs of each."),
};

type Settings = Values<typeof options> & Run;

await runBenchmark("train", options, async (given, run) => {
  const base = given.randomBase ? writeRandomBert(join(run.folder, "bert-base"), "base", given.base) : given.base;
  const settings = { ...given, ...run, base };
  const ours = settings.workers.map((workers) => ({ name: `ours, ${workers} workers`, measure: () => runOurs(settings, workers) }));
  const peers = settings.precisions.map((precision) => ({ name: `PyTorch, ${precision}`, measure: () => runPeer(settings, precision) }));
  const systems = [...ours, ...peers].map((system) => ({ ...system, rates: [] as number[] }));
  for (let round = 1; round <= settings.rounds; round++) {
    for (const { name, measure, rates } of systems) {
      rates.push(await measure());
      process.stderr.write(`round ${round}: ${name}: ${rates.at(-1)!.toFixed(0)} tokens/s\n`);
    }
  }
  const first = median(systems[0]!.rates);
  const rows = systems.map(({ name, rates }) => {
    const all = rates.map((rate) => rate.toFixed(0)).join(", ");
    return [name, median(rates).toFixed(0), all, `${(first / median(rates)).toFixed(2)} times`];
  });
  process.stdout.write(markdownTable(["", "tokens/s, median", "all", "speed-up"], rows, [0, 2]));
  return 0;
});

/** Tokens a second of our train service. It holds out almost nothing, since the peer does not evaluate. */
async function runOurs({ folder, base, data, steps, signal }: Settings, workers: string): Promise<number> {
  const out = join(folder, "ours");
  const limits = ["--max-steps", String(steps), "--validation", "0.005", "--workers", workers];
  await runProgram("train", serviceCommand("train", ["--base", base, "--data", data, "--out", out, ...limits]), signal);
  const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n");
  const measured = lines.map((line) => JSON.parse(line) as StepMetrics).slice(2);
  rmSync(out, { recursive: true });
  return measured.reduce((sum, { tokens }) => sum + tokens, 0) / measured.reduce((sum, { seconds }) => sum + seconds, 0);
}

async function runPeer({ peer, python, base, data, steps, signal }: Settings, precision: string): Promise<number> {
  const command = [python, peer, "--base", base, "--data", data, "--precision", precision, "--steps", String(steps)];
  return Number(/tokens_per_second (\d+)/.exec(await runProgram("peer", command, signal))?.[1]);
}
