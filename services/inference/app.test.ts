import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { headerLength } from "../../lib/protocol/message.js";
import { encodeRequest } from "../../lib/protocol/request.js";
import { decodeResponse } from "../../lib/protocol/response.js";
import { createLocalEngine, type LocalEngine } from "../../lib/serving/local-engine.js";
import { keepLog, until } from "../../test/fakes.js";
import { meanGraph, meanScore, tableGraph } from "../../test/graphs.js";
import { writeRepository } from "../../test/repositories.js";
import { createFakeEngine } from "../../test/workers.js";
import { buildApp } from "./app.js";
import { buildMetrics } from "./metrics.js";
import { openModels } from "./models.js";
import { serveEngine } from "./served.js";

const repository = mkdtempSync(join(tmpdir(), "app-"));
beforeAll(() => {
  writeRepository(repository, { version: 2 });
});
afterAll(() => rmSync(repository, { recursive: true, force: true }));

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const infer = "/v2/models/readability/infer";

/** The app over an engine, by default a real one. */
async function build(given?: LocalEngine, queueLimit?: number) {
  const engine = given ?? (await createLocalEngine({ graph: meanGraph(), workers: 2 }));
  const { lines, log } = keepLog();
  const served = serveEngine("readability", 2, engine, queueLimit);
  const open = async () => served;
  const models = await openModels({ repository, mode: "poll", open, log });
  const app = buildApp({ models, timeout: 5000, bodyLimit: 20_000, log });
  const metrics = buildMetrics(models);
  closers.push(
    () => served.close(),
    () => app.close(),
    () => metrics.close(),
  );
  const readMetrics = async () => (await metrics.inject("/metrics")).body;
  return { app, served, scheduler: served.scheduler, lines, readMetrics };
}

const batchOf = (...rows: readonly (readonly number[])[]) => {
  const sequence = Math.max(...rows.map((row) => row.length));
  const pad = (value: (id: number) => number) =>
    BigInt64Array.from(
      rows.flatMap((row) => [...row.map(value), ...Array<number>(sequence - row.length).fill(0)]),
      BigInt,
    );
  return { batch: rows.length, sequence, inputIds: pad((id) => id), attentionMask: pad(() => 1), tokenTypeIds: pad(() => 0) };
};

const post = (rows: readonly (readonly number[])[], options: { timeout?: number; id?: string } = {}) =>
  ({ method: "POST", url: infer, ...payload(rows, options, "json") }) as const;
function payload(rows: readonly (readonly number[])[], options: { timeout?: number; id?: string }, encoding: "json" | "binary") {
  const { body, headers } = encodeRequest({ inputs: batchOf(...rows), binaryOutput: encoding === "binary", ...options }, encoding);
  return { payload: body, headers: headers as Record<string, string> };
}

it("scores a batch in JSON, each text as alone", async () => {
  const { app } = await build();
  const response = await app.inject(post([[1, 2, 3], [5]], { id: "abc" }));
  expect(response.statusCode).toBe(200);
  expect(response.headers["content-type"]).toMatch("application/json");
  expect(response.json()).toEqual({
    id: "abc",
    model_name: "readability",
    model_version: "2",
    outputs: [{ name: "logits", datatype: "FP32", shape: [2, 1], data: [meanScore([1, 2, 3]), meanScore([5])] }],
  });
});

it("scores in binary, by version too, and compressed", async () => {
  const { app } = await build();
  const message = payload([[1, 2, 3], [5]], {}, "binary");
  const url = "/v2/models/readability/versions/2/infer";
  const compressed = { ...message.headers, "content-encoding": "gzip" };
  for (const request of [message, { headers: compressed, payload: gzipSync(message.payload) }]) {
    const response = await app.inject({ method: "POST", url, ...request });
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-type"]).toBe("application/octet-stream");
    const { logits } = decodeResponse(response.rawPayload, response.headers[headerLength] as string, (problem) => expect.fail(problem));
    expect(logits).toEqual(Float32Array.of(meanScore([1, 2, 3]), meanScore([5])));
  }
});

it.each([
  ["no body", { payload: "" }, 400, "Inference-Header-Content-Length|JSON"],
  ["no JSON", { payload: "{" }, 400, "The JSON is malformed"],
  ["a header beyond the body", { payload: "{}", headers: { [headerLength]: "9" } }, 400, "Inference-Header-Content-Length"],
  ["an input less", { payload: '{"inputs": []}' }, 400, "each of input_ids, attention_mask, token_type_ids once"],
  ["too long a body", { payload: " ".repeat(20_001) }, 413, "larger than 20000 bytes"],
  ["a bomb", { payload: gzipSync(" ".repeat(20_001)), headers: { "content-encoding": "gzip" } }, 413, "larger than 20000 bytes"],
  ["no gzip", { payload: "{}", headers: { "content-encoding": "gzip" } }, 400, "cannot be decompressed"],
  ["another encoding", { payload: "{}", headers: { "content-encoding": "constructor" } }, 501, "not supported"],
  ["another version", { url: "/v2/models/readability/versions/1/infer" }, 404, "'readability' version 1 is not found"],
  ["another model", { url: "/v2/models/other/infer" }, 404, "unknown model: 'other' is not found"],
  ["another method", { method: "PUT" as const }, 405, "Method Not Allowed"],
  ["another path", { url: "/v2/models/readability/score" }, 404, "Not Found"],
])("refuses %s and stays up", async (_, request, status, message) => {
  const { app, lines } = await build();
  const response = await app.inject({ ...post([[1]]), ...request });
  expect(response.statusCode).toBe(status);
  expect(response.json()).toEqual({ error: expect.stringMatching(message) });
  expect((await app.inject(post([[1]]))).statusCode).toBe(200);
  expect(lines).toEqual([]);
});

it("describes what it serves", async () => {
  const { app } = await build();
  const get = async (url: string) => {
    const { statusCode, body } = await app.inject(url);
    return [statusCode, body && JSON.parse(body)];
  };
  const input = (name: string) => ({ name, datatype: "INT64", shape: [-1, -1] });
  const model = {
    name: "readability",
    versions: ["2"],
    platform: "onnxruntime_onnx",
    inputs: ["input_ids", "attention_mask", "token_type_ids"].map(input),
    outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 1] }],
  };
  const base = "/v2/models/readability";
  expect(await get("/v2")).toEqual([200, expect.objectContaining({ extensions: expect.arrayContaining(["binary_tensor_data"]) })]);
  for (const url of ["/v2/health/live", "/v2/health/ready", `${base}/ready`, `${base}/versions/2/ready`])
    expect(await get(url)).toEqual([200, ""]);
  for (const url of [base, `${base}/versions/2`]) expect(await get(url)).toEqual([200, model]);
  expect(await get(`${base}/config`)).toEqual([
    200,
    expect.objectContaining({ max_batch_size: 0, instance_group: [{ name: "readability", kind: "KIND_CPU", count: 2 }] }),
  ]);
  for (const url of ["/v2/models/other/ready", `${base}/versions/1/ready`])
    expect(await get(url)).toEqual([400, { error: "Model version not ready" }]);
  expect(await get(`${base}/versions/1/stats`)).toEqual([400, { error: "requested model 'readability' version 1 is not available" }]);
  expect(await get(`${base}/versions/x`)).toEqual([404, { error: "Not Found" }]);
  const index = await app.inject({ method: "POST", url: "/v2/repository/index" });
  expect(index.json()).toEqual([{ name: "readability", version: "2", state: "READY" }]);
});

it("is live but not ready once its engine closes", async () => {
  const { app, served } = await build();
  await served.close();
  expect((await app.inject("/v2/health/live")).statusCode).toBe(200);
  expect((await app.inject("/v2/health/ready")).statusCode).toBe(400);
  const index = { method: "POST", url: "/v2/repository/index" } as const;
  expect((await app.inject(index)).json()).toEqual([
    { name: "readability", version: "2", state: "UNAVAILABLE", reason: "its workers ended" },
  ]);
  expect((await app.inject({ ...index, payload: '{"ready": true}' })).json()).toEqual([]);
  expect((await app.inject("/v2/models/readability/ready")).statusCode).toBe(400);
  expect((await app.inject(post([[1]]))).statusCode).toBe(503);
});

it("answers 503 for a full queue, with the time to come back, and for a time that is up", async () => {
  const fake = await createFakeEngine();
  const { app, scheduler } = await build(fake.engine, 1);
  const held = app.inject(post([[8]]));
  await until(() => scheduler.stats.running === 1);
  const late = await app.inject(post([[9]], { timeout: 5 }));
  expect([late.statusCode, late.json()]).toEqual([503, { error: expect.stringContaining("busy for 5 ms") }]);
  const waiting = app.inject(post([[10]]));
  await until(() => scheduler.stats.queued === 1);
  const refused = await app.inject(post([[11]]));
  expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([503, "1"]);
  for (const id of [8, 10]) await fake.finish(id);
  expect((await held).json().outputs[0].data).toEqual([4]);
  expect((await waiting).json().outputs[0].data).toEqual([5]);
});

it("drops what waits when its client goes away", async () => {
  const fake = await createFakeEngine();
  const { app, scheduler, readMetrics } = await build(fake.engine);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const held = app.inject(post([[8]]));
  await until(() => scheduler.stats.running === 1);
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  const { payload: body } = post([[9]]);
  socket.write(`POST ${infer} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
  socket.write(body);
  await until(() => scheduler.stats.queued === 1);
  socket.destroy();
  await until(() => scheduler.stats.queued === 0);
  await fake.finish(8);
  await held;
  expect(fake.ids()).toEqual([]);
  expect(await readMetrics()).toContain('nv_inference_request_failure{model="readability",version="2",reason="CANCELED"} 1');
});

it("answers 500 for what the graph refuses and for a score that is no number, and logs it", async () => {
  const { app, lines } = await build(await createLocalEngine({ graph: tableGraph(10), workers: 1 }));
  const response = await app.inject(post([[10]]));
  expect([response.statusCode, response.json()]).toEqual([500, { error: expect.stringContaining("out of data bounds") }]);
  expect(lines).toHaveLength(1);
  const broken = await build(await createLocalEngine({ graph: meanGraph(Number.NaN), workers: 1 }));
  expect((await broken.app.inject(post([[1]]))).json()).toEqual({ error: expect.stringContaining("NaN") });
});

it("counts what it did, in Triton's names", async () => {
  const { app, readMetrics } = await build();
  await app.inject(post([[1], [2]]));
  await app.inject(post([[3]]));
  await app.inject({ ...post([[1]]), payload: "{" });
  const metrics = await readMetrics();
  const value = (name: string, labels = 'model="readability",version="2"') =>
    Number(
      metrics
        .split("\n")
        .find((line) => line.startsWith(`${name}{${labels}}`))
        ?.split(" ")[1],
    );
  expect(value("nv_inference_request_success")).toBe(2);
  expect(value("nv_inference_count")).toBe(3);
  expect(value("nv_inference_exec_count")).toBe(3);
  expect(value("nv_inference_pending_request_count")).toBe(0);
  expect(value("nv_inference_request_failure", 'model="readability",version="2",reason="OTHER"')).toBe(0);
  for (const part of ["request", "compute_infer", "queue"]) expect(value(`nv_inference_${part}_duration_us`)).toBeGreaterThanOrEqual(1);
  const stats = (await app.inject("/v2/models/stats")).json().model_stats[0];
  expect(stats).toMatchObject({
    name: "readability",
    version: "2",
    inference_count: 3,
    inference_stats: { success: { count: 2 }, fail: { count: 0 }, cache_hit: { count: 0, ns: 0 } },
    batch_stats: [{ batch_size: 1, compute_infer: { count: 3 } }],
  });
});

it("answers what it accepted before it closes", async () => {
  const fake = await createFakeEngine();
  const { app, scheduler } = await build(fake.engine);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const { payload: body, headers } = post([[8]]);
  const answers = [1, 2, 3].map(() => fetch(url + infer, { method: "POST", body, headers }));
  await until(() => scheduler.stats.queued === 2);
  const closed = once(app.server, "close");
  const closing = app.close();
  await until(() => !app.server.listening);
  for (let i = 0; i < 3; i++) await fake.finish(8);
  for (const answer of await Promise.all(answers)) {
    expect(answer.headers.get("connection")).toBe("close");
    expect(await answer.json()).toMatchObject({ outputs: [{ data: [4] }] });
  }
  await closed;
  await closing;
  await expect(fetch(url)).rejects.toThrow();
});
