import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCheckpoint } from "../../lib/bert/checkpoint.js";
import { readConfig } from "../../lib/bert/config.js";
import { familyNames } from "../../lib/bert/families.js";
import { places } from "../../lib/cli/paths.js";
import { readPassages } from "../../lib/data/dataset.js";
import { splitPassages } from "../../lib/data/split.js";
import { readRecord } from "../../lib/repository/training-record.js";
import { openModel } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import { encodeSafetensors } from "../../lib/storage/safetensors.js";
import { loadTokenizer } from "../../lib/text/tokenizer.js";
import { type Finished, runCommand } from "../../test/commands.js";
import { signalAt } from "../../test/kill-at.js";
import { copyTiny } from "../../test/tiny-models.js";
import type { StepMetrics } from "./metrics.js";

let folder: string;
let base: string;
let data: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "readability-train-"));
  base = join(folder, "base");
  copyTiny("bert", base);
  data = join(folder, "graded.csv");
  const { passages } = readPassages(places.sample, { targets: false });
  const lines = passages.map(({ id, excerpt }, i) => `${id},"${excerpt.replaceAll('"', '""')}",${-(i % 8) / 2 + (i % 5) / 10}`);
  writeFileSync(data, ["id,excerpt,target", ...lines].join("\n"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const options = () => ["--data", data, "--base", base, "--max-length", "32", "--batch", "8", "--epochs", "2", "--workers", "2"];

const run = (out: string, ...more: string[]) => runCommand(["train", ...options(), "--out", join(folder, out), ...more]);

/** Runs until the first saved state, when the process sends itself the signal; it saves after every second step. */
function runUntilSignal(signal: "SIGKILL" | "SIGINT", out: string, ...more: string[]): Promise<Finished> {
  const env = signalAt({ renamedTo: join(folder, out, "training-state.safetensors"), times: 1 }, signal);
  return runCommand(["train", ...options(), "--out", join(folder, out), "--checkpoint-every", "2", ...more], { env });
}

const metricsOf = (out: string): StepMetrics[] =>
  readFileSync(join(folder, out, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as StepMetrics); // biome-ignore format: one line
const weightsOf = (out: string) => readFileSync(join(folder, out, "model.safetensors"));

describe("a run", () => {
  it("prints the epoch table, and writes checkpoint, record and metrics", async () => {
    const { code, stdout, stderr } = await run("whole");
    expect(code, stderr).toBe(0);
    const lines = stdout.trim().split("\n");
    expect(lines[0]).toBe("| Epoch | Training Loss | Validation Loss | Rmse |");
    expect(lines.slice(2).map((line) => /^\| (\d+) \|( \d+\.\d+ \|){3}$/.exec(line)?.[1])).toEqual(["1", "2"]);
    const record = readRecord(join(folder, "whole"))!;
    expect(record.epochs.map(({ rmse }) => rmse.toFixed(4))).toEqual(lines.slice(2).map((line) => line.split("|")[4]!.trim()));
    expect(record.validation.rows + Number(/(\d+) for training/.exec(stderr)![1])).toBe(96);
    const metrics = metricsOf("whole");
    expect(metrics.map(({ step }) => step)).toEqual(metrics.map((_, i) => i + 1));
    expect(metrics).toHaveLength(record.steps);
    expect(Object.keys(metrics[0]!)).toEqual(["step", "epoch", "loss", "learning_rate", "gradient_norm", "tokens", "seconds"]);
    expect(loadTokenizer(join(folder, "whole")).maxLength).toBe(32);
    const { config } = readCheckpoint(join(folder, "whole"));
    expect(config.source).toMatchObject({
      architectures: ["BertForSequenceClassification"],
      id2label: { 0: "readability" },
      dtype: "float32",
      torch_dtype: "float32",
    });
    expect(readdirSync(join(folder, "whole")).filter((name) => name.includes("state") || name.endsWith(".tmp"))).toEqual([]);
  });

  it("reads the columns and the file of a zip that are named", async () => {
    const [header, ...lines] = readFileSync(data, "utf8").split("\n");
    const csv = [header!.replace("excerpt,target", "Text,Easiness"), ...lines].join("\n");
    const zip = join(folder, "named.zip");
    writeFileSync(zip, zipSync({ "train.csv": strToU8("id,Text,Easiness\n1,Another,1\n"), "mine.csv": strToU8(csv) }));
    const named = { column: "text", target: "Easiness", file: "mine.csv" };
    const { code, stderr } = await run("named", "--data", zip, ...Object.entries(named).flatMap(([name, value]) => [`--${name}`, value]));
    expect(code, stderr).toBe(0);
    expect(weightsOf("named").equals(weightsOf("whole"))).toBe(true);
    expect(readRecord(join(folder, "named"))!.data.columns).toEqual(named);
  });

  it("reads a text as serving does: normalized", async () => {
    const [header, ...lines] = readFileSync(data, "utf8").split("\n");
    const typed = lines.map((line) => line.replaceAll("fi", "\ufb01").replaceAll("a", "a\u00ad"));
    writeFileSync(join(folder, "typed.csv"), [header, ...typed].join("\n"));
    const { code, stderr } = await run("typed", "--data", join(folder, "typed.csv"));
    expect(code, stderr).toBe(0);
    expect(weightsOf("typed").equals(weightsOf("whole"))).toBe(true);
  });

  it("says so if a new head takes the place of one with several labels", async () => {
    const labelled = join(folder, "labelled");
    copyTiny("bert", labelled);
    const { weights, config } = readCheckpoint(labelled, { head: "cls", seed: 0 });
    const head = { shape: [3, config.hidden], data: new Float32Array(3 * config.hidden) };
    const changed = new Map([...weights, ["classifier.weight", head], ["classifier.bias", { shape: [3], data: new Float32Array(3) }]]);
    writeFileAtomic(join(labelled, "model.safetensors"), encodeSafetensors(changed, "F32"));
    const { code, stderr } = await run("relabelled", "--base", labelled, "--max-steps", "1");
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/has 3 labels: a new head of one label takes its place/);
  });

  it("learns: the training loss falls", async () => {
    const { code } = await run("learned", "--epochs", "8", "--lr", "0.003");
    expect(code).toBe(0);
    const { epochs } = readRecord(join(folder, "learned"))!;
    expect(epochs.at(-1)!.training_loss).toBeLessThan(epochs[0]!.training_loss * 0.7);
  });

  it("stops after --max-steps without changing the schedule", async () => {
    expect((await run("whole-again")).code).toBe(0);
    const { code, stdout } = await run("short", "--max-steps", "4");
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(3);
    const rates = (out: string) => metricsOf(out).map((step) => step.learning_rate);
    expect(rates("short")).toEqual(rates("whole-again").slice(0, 4));
    expect(existsSync(join(folder, "short", "model.safetensors"))).toBe(true);
  });

  it.each([
    ["", []],
    ["-augmented", ["--crop", "0.5", "--join", "0.5"]],
  ])("resumes after kill -9 to the same weights, bit for bit%s", async (name, more) => {
    const [straight, killed] = [`straight${name}`, `killed${name}`];
    expect((await run(straight, ...more)).code).toBe(0);
    expect((await runUntilSignal("SIGKILL", killed, ...more)).code).toBe(null);
    const { code, stderr } = await run(killed, ...more, "--resume");
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/from step 2/);
    expect(weightsOf(killed).equals(weightsOf(straight))).toBe(true);
    const measured = (out: string) => metricsOf(out).map(({ step, loss, tokens }) => [step, loss, tokens]);
    expect(measured(killed)).toEqual(measured(straight));
    expect(readRecord(join(folder, killed))!.epochs).toEqual(readRecord(join(folder, straight))!.epochs);
  });

  it("trains a student of some of the base's layers, the top one new", async () => {
    const more = ["--init-layers", "1,0,1", "--reinit", "1", "--max-steps", "1", "--lr", "1e-9"];
    const { code, stderr } = await run("student", ...more);
    expect(code, stderr).toBe(0);
    const { config, weights } = readCheckpoint(join(folder, "student"));
    expect(config.layers).toBe(3);
    expect(readRecord(join(folder, "student"))!.recipe).toMatchObject({ init_layers: "1,0,1", reinit: 1 });
    const [teacher, query] = [readCheckpoint(base, { head: "cls", seed: 0 }), (i: number) => `bert.encoder.layer.${i}.attention.self.query.weight`]; // biome-ignore format: one line
    const near = (a: string, b: string) => Math.abs(weights.get(a)!.data[0]! - teacher.weights.get(b)!.data[0]!) < 1e-6;
    expect([near(query(0), query(1)), near(query(1), query(0)), near(query(2), query(1))]).toEqual([true, true, false]);
    expect((await run("student", ...more, "--resume")).stderr).toMatch(/from step 1/);
    expect((await run("student", "--init-layers", "1,0", "--max-steps", "1", "--resume")).stderr).toMatch(
      /init(Layers|_layers) was 1,0,1, is 1,0/,
    );
  });

  it("records that it crops and joins passages, which changes what is learned", async () => {
    expect((await run("cropped", "--crop", "1", "--join", "0.5")).code).toBe(0);
    expect(readRecord(join(folder, "cropped"))!.recipe).toMatchObject({ crop: 1, join: 0.5 });
    expect(weightsOf("cropped").equals(weightsOf("whole"))).toBe(false);
  });

  it("completes its step on SIGINT, saves, and exits 0; a different run cannot resume it", async () => {
    const { code, stderr } = await runUntilSignal("SIGINT", "interrupted", "--epochs", "200");
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/stopped after step \d+; continue with --resume/);
    const other = await run("interrupted", "--resume", "--lr", "0.5");
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(/was saved by a different run: epochs was 200, is 2; lr was 0.0001, is 0.5/);
    expect((await run("interrupted", "--resume", "--epochs", "200", "--workers", "1")).stderr).toMatch(
      /workers was 2, is 1\..*--resume-anyway/,
    );
    const anyway = ["--resume-anyway", "--epochs", "200", "--workers", "1", "--max-steps", "9"];
    const { code: went, stderr: warning } = await run("interrupted", ...anyway);
    expect(went, warning).toBe(0);
    expect(warning).toMatch(/continuing although workers was 2, is 1: the result is not bit for bit/);
    expect(metricsOf("interrupted").map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const past = await run("interrupted", "--resume-anyway", "--epochs", "200", "--max-steps", "1");
    expect(past.code).toBe(2);
    expect(past.stderr).toMatch(/--max-steps 1 is below step \d+, where --resume continues/);
  });
});

describe.each([...familyNames.map((family) => ({ family, head: "cls" })), { family: "bert" as const, head: "mean" }])(
  "$family with the head $head",
  ({ family, head }) => {
    it("writes a checkpoint after two steps that scores the held-out passages as the run did", async () => {
      const [from, out] = [join(folder, `base-${family}`), `trained-${family}-${head}`];
      copyTiny(family, from);
      const { code, stderr } = await run(out, "--base", from, "--head", head, "--max-steps", "2");
      expect(code, stderr).toBe(0);
      const { config, weights } = readCheckpoint(join(folder, out));
      expect(config).toMatchObject({ family, head });
      const before = readCheckpoint(from, { head: config.head, seed: 0 });
      for (const [name, { data }] of weights) expect(data, name).not.toEqual(before.weights.get(name)!.data);

      const { passages } = readPassages(data, { targets: true });
      const held = splitPassages(passages, 0.1, 0).validation.map((i) => passages[i]!);
      const { engine, tokenizer } = await openModel(join(folder, out));
      const scheduler = createScheduler();
      const scores = await Promise.all(held.map(({ excerpt }) => scheduler.score(engine, tokenizer.encodeTruncated(excerpt, 32))));
      await engine.close();
      const squares = held.reduce((sum, { target }, i) => sum + (scores[i]! - target) ** 2, 0);
      expect(Math.sqrt(squares / held.length)).toBeCloseTo(readRecord(join(folder, out))!.validation.rmse, 5);
    });
  },
);

describe("bad input", () => {
  const refused = async (out: string, message: RegExp, ...more: string[]) => {
    const { code, stdout, stderr } = await run(out, ...more);
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(existsSync(join(folder, out))).toBe(false);
    return code;
  };

  it("no data file", async () => {
    expect(await refused("bad", /no-such\.csv not found: .*Put your labelled passages there/, "--data", join(folder, "no-such.csv"))).toBe(
      1,
    );
  });

  it("a base without weights", async () => {
    const bare = join(folder, "bare");
    cpSync(base, bare, { recursive: true });
    rmSync(join(bare, "model.safetensors"));
    expect(await refused("bad", /model\.safetensors/, "--base", bare)).toBe(1);
  });

  it("a base of another family", async () => {
    const gpt = join(folder, "gpt");
    cpSync(base, gpt, { recursive: true });
    writeFileSync(join(gpt, "config.json"), '{"model_type": "gpt2"}');
    expect(
      await refused(
        "bad",
        /its model_type "gpt2" is not supported\. Use a checkpoint of a supported family \(bert, distilbert, roberta, electra, mpnet\)/,
        "--base",
        gpt,
      ),
    ).toBe(1);
  });

  it("a tokenizer with more tokens than the model has embeddings for", async () => {
    const short = join(folder, "short-table");
    cpSync(base, short, { recursive: true });
    const tokenizer = JSON.parse(readFileSync(join(short, "tokenizer.json"), "utf8"));
    const { vocabulary } = readConfig(short);
    tokenizer.model.vocab.extraordinary = vocabulary; // the first id beyond the table
    writeFileSync(join(short, "tokenizer.json"), JSON.stringify(tokenizer));
    const message = new RegExp(`its ids go up to ${vocabulary}, and the model has embeddings for ${vocabulary} `);
    expect(await refused("bad", message, "--base", short)).toBe(1);
  });

  it("a misshapen tensor, one without numbers, and a missing one", async () => {
    const name = "bert.encoder.layer.0.output.dense.bias";
    const { weights } = readCheckpoint(base);
    const broken = join(folder, "broken");
    cpSync(base, broken, { recursive: true });
    const write = (tensors: typeof weights) => writeFileAtomic(join(broken, "model.safetensors"), encodeSafetensors(tensors, "F32"));
    write(new Map([...weights, [name, { shape: [31], data: new Float32Array(31) }]]));
    expect(await refused("bad", /bert\.encoder\.layer\.0\.output\.dense\.bias.*\[31\].*\[32\]/s, "--base", broken)).toBe(1);
    write(new Map([...weights, [name, { shape: [32], data: new Float32Array(32).fill(Number.NaN) }]]));
    expect(await refused("bad", /output\.dense\.bias.*has values that are not finite/, "--base", broken)).toBe(1);
    write(new Map([...weights].filter(([key]) => key !== name)));
    expect(await refused("bad", /has no tensor bert\.encoder\.layer\.0\.output\.dense\.bias \[32\]/, "--base", broken)).toBe(1);
  });

  it("settings that do not fit", async () => {
    expect(await refused("bad", /--max-length 65 exceeds the 64 tokens/, "--max-length", "65")).toBe(2);
    expect(await refused("bad", /has too few passages: \d+ for training/, "--batch", "100")).toBe(1);
    expect(await refused("bad", /has no layer 2; its layers are 0 to 1/, "--init-layers", "0,2")).toBe(2);
    expect(await refused("bad", /--init-layers must be whole numbers separated by commas/, "--init-layers", "0-2")).toBe(2);
    expect(await refused("bad", /--epochs must be a number, found "none"/, "--epochs", "none")).toBe(2);
  });
});
