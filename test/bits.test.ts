import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { places } from "../lib/cli/paths.js";
import { readPassages } from "../lib/data/dataset.js";
import { formatFloat32 } from "../lib/math/float32.js";
import { openModel } from "../lib/serving/model.js";
import { createScheduler } from "../lib/serving/scheduler.js";
import { scoreText } from "../lib/serving/score-text.js";
import { splitSentences } from "../lib/text/sentences.js";
import { main as optimize } from "../services/optimization/main.js";
import { type Running, startCommand, waitForAddress } from "./commands.js";

const requests = 1000;
const passages = readPassages(places.sample, { targets: false }).passages.map(({ excerpt }) => excerpt);
/** Sentences, so that a thousand take seconds, and a few whole passages. */
const texts = [...passages.map((passage) => splitSentences(passage)[0]!), ...passages.slice(0, 4)];
const running: Running[] = [];
let folder: string;
let repository: string;
/** Scores of the texts alone, one after another, as /predict writes them. */
let alone: readonly string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bits-"));
  repository = join(folder, "repository");
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const quick = ["--gate-rows", "5", "--gate", "1", "--seconds", "0.05", "--rounds", "1"];
  await optimize(["--model", places.releasedModel, "--out", repository, "--precision", "int8", ...quick]);
  write.mockRestore();
  const model = await openModel(repository);
  const scheduler = createScheduler();
  const scores: string[] = [];
  for (const text of texts) scores.push(formatFloat32((await scoreText(scheduler, model, text)).score));
  await model.engine.close();
  alone = scores;
});
afterAll(() => {
  for (const { child } of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function start(service: string, ...argv: string[]): Promise<string> {
  const started = startCommand([service, "--repository", repository, "--port", "0", ...argv]);
  running.push(started);
  return waitForAddress(started);
}

async function predict(address: string, text: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${address}/predict`, { method: "POST", headers, body: JSON.stringify({ text }) });
  const body = await answer.text();
  return answer.ok ? body.slice(body.lastIndexOf(",") + 1, -1) : `${answer.status} ${body}`;
}

it(`the released model scores a text the same, bit for bit, alone and among ${requests} at once, in the api's own process and through our server`, async () => {
  const inference = await start("inference", "--metrics-port", "0");
  const all = ["--queue-limit", String(requests), "--timeout", "600000"]; // none is refused because the queue is long
  for (const address of [await start("api", ...all), await start("api", "--inference", inference, ...all)]) {
    const scores = await Promise.all(Array.from({ length: requests }, (_, i) => predict(address, texts[i % texts.length]!)));
    expect(scores).toEqual(scores.map((_, i) => alone[i % texts.length]));
  }
  expect(new Set(alone).size).toBeGreaterThan(texts.length / 2);
}, 120_000);
