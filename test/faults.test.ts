import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { formatFloat32 } from "../lib/math/float32.js";
import { encodeRequest } from "../lib/protocol/request.js";
import { createLocalEngine, type LocalEngine } from "../lib/serving/local-engine.js";
import { startWorker } from "../lib/serving/worker-pool.js";
import { compiled } from "../lib/system/package-files.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { buildApp } from "../services/inference/app.js";
import { openModels } from "../services/inference/models.js";
import { serveEngine } from "../services/inference/served.js";
import { startCommand, waitForAddress } from "./commands.js";
import { keepLog, until } from "./fakes.js";
import { meanGraph, meanScore, slowGraph } from "./graphs.js";
import { writeRepository } from "./repositories.js";

const connections = 50;

let folder: string;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "faults-"));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

/** Does work from many connections, numbered, until told to stop. */
async function fromAll(work: (number: number) => Promise<void>, stopped: () => boolean): Promise<number> {
  let count = 0;
  const one = async () => {
    while (!stopped()) await work(count++);
  };
  await Promise.all(Array.from({ length: connections }, one));
  return count;
}

/** Serves an engine. @returns a function that sends it a text's ids */
async function serve(engine: LocalEngine) {
  writeRepository(folder);
  const { log } = keepLog();
  const served = serveEngine("readability", 1, engine);
  const models = await openModels({ repository: folder, mode: "none", open: async () => served, log });
  const app = buildApp({ models, timeout: 60_000, bodyLimit: 1 << 20, log });
  await app.listen({ host: "127.0.0.1", port: 0 });
  closers.push(models.close, () => app.close());
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/v2/models/readability/infer`;
  const score = async (ids: readonly number[], signal: AbortSignal | null = null) => {
    const tensor = (value: (id: number) => number) => BigInt64Array.from(ids, (id) => BigInt(value(id)));
    const inputs = {
      batch: 1,
      sequence: ids.length,
      inputIds: tensor((id) => id),
      attentionMask: tensor(() => 1),
      tokenTypeIds: tensor(() => 0),
    };
    const { body, headers } = encodeRequest({ inputs, binaryOutput: false }, "json");
    const answer = await fetch(url, { method: "POST", body: body.toString(), headers: { ...headers }, signal });
    const json = (await answer.json()) as { outputs: [{ data: [number] }] };
    expect([answer.status, json]).toEqual([200, expect.any(Object)]);
    return Math.fround(json.outputs[0].data[0]);
  };
  return { served, score };
}

it("loses no request and gives no wrong answer while threads end all the time", async () => {
  const mortal = join(folder, "mortal.mjs");
  writeFileSync(
    mortal,
    `await import(${JSON.stringify(pathToFileURL(compiled("lib/serving/worker")).href)});
    setTimeout(() => process.exit(1), 100 + 200 * Math.random());`,
  );
  const { log, lines } = keepLog();
  const start = (graph: string | Uint8Array, threads: number) => startWorker(graph, threads, lines.length < 10 ? mortal : undefined);
  const engine = await createLocalEngine({ graph: meanGraph(), workers: 2, log }, start);
  const { score, served } = await serve(engine);
  const count = await fromAll(
    async (number) => expect(await score([number % 97, 5])).toBe(meanScore([number % 97, 5])),
    () => lines.length >= 10 && engine.workers === 2,
  );
  expect(served.usage).toMatchObject({ success: count, failures: { BACKEND: 0, REJECTED: 0, OTHER: 0 } });
  expect(lines.every((line) => line.includes("a model worker died and is being replaced"))).toBe(true);
});

it("keeps nothing of clients that go away, a third of all", async () => {
  const engine = await createLocalEngine({ graph: slowGraph(1), workers: 2 });
  const { score, served } = await serve(engine);
  let answered = 0;
  const count = await fromAll(
    async (number) => {
      const gone = number % 3 === 0 ? AbortSignal.timeout(number % 40) : undefined;
      try {
        expect(await score([number % 97, 5], gone)).toBe(meanScore([number % 97, 5]));
        answered += 1;
      } catch (error) {
        if (!gone?.aborted) throw error;
      }
    },
    () => served.usage.failures.CANCELED >= 30,
  );
  await until(() => served.scheduler.stats.queued === 0 && served.scheduler.stats.running === 0);
  expect(answered).toBeGreaterThanOrEqual(count - Math.ceil(count / 3));
  expect(served.usage.failures).toMatchObject({ REJECTED: 0, BACKEND: 0, OTHER: 0 });
  await served.close(); // nothing accepted is left that never ends
});

it("answers every accepted request when it is told to stop under load", async () => {
  const text = "the cat sat on the mat";
  const metadata = { sessions: 2, reference: { tolerance: 1e9, texts: [{ text, score: 0 }] } };
  const version = writeRepository(folder, { graph: slowGraph(1), metadata });
  const expected = `["${text}",${formatFloat32(meanScore(loadTokenizer(version.folder).encode(text)))}]`;
  const env = { READABILITY_LOG_LEVEL: "debug", READABILITY_LOG_FORMAT: "json" };
  const api = startCommand(["api", "--repository", folder, "--port", "0"], { env });
  closers.push(() => api.child.kill("SIGKILL"));
  const address = await waitForAddress(api);
  let answered = 0;
  let refused = false;
  await fromAll(
    async () => {
      const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ text }) };
      const answer = await fetch(`${address}/predict`, request).catch(() => undefined);
      if (answer === undefined)
        refused = true; // the log below tells whether it had been accepted
      else expect([answer.status, await answer.text()]).toEqual([200, expected]);
      if (answer && ++answered === 100) api.child.kill("SIGTERM");
    },
    () => refused,
  );
  expect((await api.finished).code).toBe(0);
  const requests = api
    .log()
    .split("\n")
    .filter((line) => line.includes('"route":"/predict"'));
  expect(requests.filter((line) => !line.includes('"status":200'))).toEqual([]);
  expect(answered).toBe(requests.length);
});
