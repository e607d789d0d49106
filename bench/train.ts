/**
 * Training speed beside PyTorch's, in turn on the same machine: real tokens a second (padding not counted, the first two steps left
 * out, optimizer included on both sides), medians and ratios.
 *
 *     node dist/bench/train.js --peer PEERS/train.py --python python3 --base MiniLM --data train.csv.zip [--random-base] [--precisions fp32,bf16]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeCheckpoint } from "../lib/bert/checkpoint.js";
import { parseConfig } from "../lib/bert/config.js";
import { listParameters, sizeOf } from "../lib/bert/parameters.js";
import { describeMachine } from "../lib/machine.js";
import { compiled } from "../lib/module.js";
import { kinds, option, parseOptions } from "../lib/options.js";
import { findData, places } from "../lib/places.js";
import { createRandom } from "../lib/random.js";
import { writeTokenizerFiles } from "../lib/text/tokenizer.js";
import type { StepMetrics } from "../services/train/metrics.js";

const options = {
  base: option(kinds.text, places.releasedModel, "Checkpoint to train, a folder; the peer reads it too."),
  randomBase: option(kinds.flag, false, "Train a BERT-base of random weights, with the tokenizer of --base."),
  data: option(kinds.text, findData() ?? places.data, "Graded passages."),
  peer: option(kinds.text, "train.py", "Script that trains with PyTorch: --base --data --precision --steps; prints tokens_per_second N."),
  python: option(kinds.text, "python3", "Python that has what the peer needs."),
  precisions: option(kinds.text, "fp32", "Precisions of the peer, separated by commas."),
  workers: option(kinds.text, "2,1", "Counts of our workers, separated by commas."),
  steps: option(kinds.positive, 10, "Steps a run."),
  rounds: option(kinds.positive, 3, "Runs of each."),
};

const settings = parseOptions("bench_train", options, process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), "readability-bench-"));
const base = settings.randomBase ? writeRandomBert(join(folder, "bert-base"), settings.base) : settings.base;

/** A checkpoint of BERT-base's shape: 12 layers, 768 wide. */
function writeRandomBert(out: string, tokenizer: string): string {
  const shape = { hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12, intermediate_size: 3072, max_position_embeddings: 512 };
  const config = parseConfig(JSON.stringify({ model_type: "bert", vocab_size: 30522, ...shape }), "bert-base");
  const random = createRandom(0);
  const draw = (name: string, decayed: boolean) => () =>
    decayed ? random.normal() * config.initializerRange : Number(name.endsWith("LayerNorm.weight"));
  const weights = new Map(
    listParameters(config).map(({ name, shape, decayed }) => [
      name,
      { shape, data: Float32Array.from({ length: sizeOf(shape) }, draw(name, decayed)) },
    ]),
  );
  writeCheckpoint(out, { config, weights });
  writeTokenizerFiles(tokenizer, out, 256);
  return out;
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stderr}`);
  return stdout;
}

/** Tokens a second of our train service; almost nothing is held out, as the peer does not evaluate either. */
function runOurs(workers: string): number {
  const out = join(folder, "ours");
  const limits = ["--max-steps", String(settings.steps), "--validation", "0.005", "--workers", workers];
  run(process.execPath, [compiled("cli"), "train", "--base", base, "--data", settings.data, "--out", out, ...limits]);
  const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n");
  const steps = lines.map((line) => JSON.parse(line) as StepMetrics).slice(2);
  rmSync(out, { recursive: true });
  return steps.reduce((sum, { tokens }) => sum + tokens, 0) / steps.reduce((sum, { seconds }) => sum + seconds, 0);
}

function runPeer(precision: string): number {
  const args = [settings.peer, "--base", base, "--data", settings.data, "--precision", precision, "--steps", String(settings.steps)];
  return Number(/tokens_per_second (\d+)/.exec(run(settings.python, args))?.[1]);
}

const contenders = [
  ...settings.workers
    .split(",")
    .map((workers) => ({ name: `ours, ${workers} workers`, measure: () => runOurs(workers), rates: [] as number[] })),
  ...settings.precisions
    .split(",")
    .map((precision) => ({ name: `PyTorch, ${precision}`, measure: () => runPeer(precision), rates: [] as number[] })),
];
try {
  for (let round = 1; round <= settings.rounds; round++) {
    for (const { name, measure, rates } of contenders) {
      rates.push(measure());
      process.stderr.write(`round ${round}: ${name}: ${rates.at(-1)!.toFixed(0)} tokens/s\n`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const ours = median(contenders[0]!.rates);
process.stdout.write(`${JSON.stringify(describeMachine())}\n\n| | tokens/s, median | all | ours is |\n|---|---:|---|---:|\n`);
for (const { name, rates } of contenders) {
  const all = rates.map((rate) => rate.toFixed(0)).join(", ");
  process.stdout.write(`| ${name} | ${median(rates).toFixed(0)} | ${all} | ${(ours / median(rates)).toFixed(2)} times |\n`);
}
