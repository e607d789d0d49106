import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, it } from "vitest";
import { encodeRequest } from "../lib/protocol/request.js";
import { openVersion } from "../lib/serving/open-version.js";
import { createScheduler } from "../lib/serving/scheduler.js";
import { poll } from "../lib/system/poll.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { combineScores, splitWindows } from "../lib/text/windows.js";
import { buildApp as buildApi } from "../services/api/app.js";
import { connectSource, openSource } from "../services/api/source.js";
import { buildApp as buildInference } from "../services/inference/app.js";
import { openModels } from "../services/inference/models.js";
import { serveEngine } from "../services/inference/served.js";
import { keepLog } from "./fakes.js";
import { meanScore, slowGraph } from "./graphs.js";
import { publishVersion } from "./repositories.js";
import { startTriton } from "./triton.js";

const connections = 50;
const timeout = 180_000;
const texts = ["the cat", "the cat sat on the mat", "a", "matting, and the cats", "In the\n\nend..", "The cat sat on the mat. ".repeat(3)];
const installed = process.env.TRITON_DIR;

let repository: string;
const closers: (() => unknown)[] = [];
/** For each version that was published, the score of each text. */
let right: Map<number, readonly number[]>;
beforeEach(() => {
  repository = join(mkdtempSync(join(tmpdir(), "versions-")), "repository");
  right = new Map();
  publish(1);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(join(repository, ".."), { recursive: true, force: true });
});

function publish(version: number): void {
  // Slow, so that texts always wait for it.
  const { folder, metadata } = publishVersion(repository, version, { graph: slowGraph(1, version) });
  const tokenizer = loadTokenizer(folder);
  const score = (text: string) => {
    const windows = splitWindows(tokenizer, text, metadata.max_length);
    const scores = windows.ids.map((ids) => meanScore(ids, version));
    return combineScores(windows, scores).score;
  };
  right.set(version, texts.map(score));
  rmSync(join(repository, "readability", String(version - 2)), { recursive: true, force: true }); // optimization keeps two
}

async function listen(app: FastifyInstance): Promise<string> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  closers.push(() => app.close());
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

async function startInference(): Promise<string> {
  const { log } = keepLog();
  const open = async (version: Parameters<typeof openVersion>[0]) =>
    serveEngine(version.model, version.version, await openVersion(version, { workers: 2, log }));
  const models = await openModels({ repository, mode: "poll", open, log });
  closers.push(() => models.close(), poll(0.05, models.poll));
  return listen(buildInference({ models, timeout: 30_000, bodyLimit: 1 << 20, log }));
}

async function startApi(inference?: string): Promise<string> {
  const { log } = keepLog();
  const options = { repository, timeout: 30_000, log };
  const source = inference ? await connectSource(options, inference) : await openSource(options);
  closers.push(() => source.close(), poll(0.2, source.poll));
  const scheduler = createScheduler({ width: 16, maxRequests: 1000 });
  return listen(buildApi({ source, scheduler, cacheSize: 0, timeout: 30_000, bodyLimit: 1 << 20, log }));
}

/** Asks from many connections until told to stop; tells how often it was answered. */
async function askAll(ask: (which: number) => Promise<unknown>, stopped: () => boolean): Promise<number> {
  let answers = 0;
  const one = async (connection: number) => {
    for (let i = connection; !stopped(); i++) {
      await ask(i % texts.length);
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, i) => one(i)));
  return answers;
}

/**
 * Publishes versions up to `last` while requests flow, the fifth broken, until answers of the last come.
 * @param ask tells which version scored the text
 */
async function publishWhile(ask: (which: number) => Promise<number>, milliseconds: number, last: number): Promise<void> {
  const seen = new Set<number>();
  let failed = false;
  const answers = askAll(
    async (which) => seen.add(await ask(which)),
    () => failed || seen.has(last),
  ).catch((error) => {
    failed = true;
    throw error;
  });
  for (let version = 2; version <= last && !failed; version++) {
    await sleep(milliseconds);
    if (version === 5) publishVersion(repository, version, { graph: Buffer.from("broken"), fallback: null });
    else publish(version);
  }
  expect(await answers).toBeGreaterThan(connections);
  expect([seen.has(1), seen.has(5)]).toEqual([true, false]);
}

async function post(url: string, body: string, headers: Record<string, string>): Promise<string> {
  const answer = await fetch(url, { method: "POST", body, headers });
  const text = await answer.text();
  expect([answer.status, text]).toEqual([200, expect.any(String)]);
  return text;
}

function askApi(api: string) {
  return async (which: number) => {
    const body = await post(`${api}/predict`, JSON.stringify({ text: texts[which] }), { "content-type": "application/json" });
    const [text, score] = JSON.parse(body) as [string, number];
    const version = [...right].find(([, scores]) => scores[which] === Math.fround(score))?.[0];
    expect([text, version]).toEqual([texts[which], expect.any(Number)]);
    return version!;
  };
}

it("our server fails no request while versions come and go, and each score is the named version's", { timeout }, async () => {
  const url = await startInference();
  const ask = async (which: number) => {
    const ids = [which + 3, 10, 11];
    const tensor = (value: (id: number) => number) => BigInt64Array.from(ids, (id) => BigInt(value(id)));
    const inputs = { batch: 1, sequence: 3, inputIds: tensor((id) => id), attentionMask: tensor(() => 1), tokenTypeIds: tensor(() => 0) };
    const { body, headers } = encodeRequest({ inputs, binaryOutput: false }, "json");
    const answer = JSON.parse(await post(`${url}/v2/models/readability/infer`, body.toString(), { ...headers }));
    const version = Number(answer.model_version);
    expect(Math.fround(answer.outputs[0].data[0])).toBe(meanScore(ids, version));
    return version;
  };
  await publishWhile(ask, 300, 10);
});

it.each(["in its own process", "through our server"])(
  "the api fails no request while versions come and go %s",
  { timeout },
  async (where) => {
    const api = await startApi(where === "through our server" ? await startInference() : undefined);
    await publishWhile(askApi(api), 300, 10);
  },
);

it.skipIf(!installed)("the api fails no request while versions come and go on Triton", { timeout }, async () => {
  const triton = await startTriton(installed!, repository, { "model-control-mode": "poll", "repository-poll-secs": 1 });
  closers.push(() => triton.stop());
  await publishWhile(askApi(await startApi(triton.url)), 3000, 4);
});
