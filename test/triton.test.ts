import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openVersion } from "../lib/engine/version.js";
import { connectServer } from "../lib/protocol/client.js";
import { headerLength, joinMessage, type Message } from "../lib/protocol/message.js";
import { encodeRequest } from "../lib/protocol/request.js";
import { buildApp } from "../services/inference/app.js";
import { buildMetrics } from "../services/inference/metrics.js";
import { openModels } from "../services/inference/models.js";
import { serveEngine } from "../services/inference/served.js";
import { keepLog } from "./fakes.js";
import { meanScore } from "./graphs.js";
import { writeRepository } from "./repositories.js";
import { startTriton, type Triton } from "./triton.js";

const installed = process.env.TRITON_DIR;
const why = installed ? "" : " (skipped: TRITON_DIR names no installation of Triton Inference Server)";

interface Asked {
  readonly method?: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly message?: Message;
}

describe.skipIf(!installed)(`our server and Triton${why}`, () => {
  let triton: Triton;
  let ours: string;
  const closers: (() => unknown)[] = [];

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), "triton-"));
    closers.push(() => rmSync(folder, { recursive: true, force: true }));
    const version = writeRepository(folder);
    const { log } = keepLog();
    const open = async () => serveEngine("readability", 1, await openVersion(version));
    const models = await openModels({ repository: folder, mode: "poll", open, log });
    const app = buildApp({ models, timeout: 5000, bodyLimit: 1 << 20, log });
    const metrics = buildMetrics(models);
    app.get("/metrics", (_, reply) => metrics.inject("/metrics").then(({ body }) => reply.send(body)));
    await app.listen({ host: "127.0.0.1", port: 0 });
    ours = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    closers.push(
      () => app.close(),
      () => metrics.close(),
      () => models.close(),
    );
    triton = await startTriton(installed!, folder);
    closers.push(() => triton.stop());
  });
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  const ask = async (url: string, { method, path, message }: Asked) => {
    const request = message ? { body: message.body, headers: message.headers } : {};
    const response = await fetch(url + path, { method: method ?? (message ? "POST" : "GET"), ...request });
    const body = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, body };
  };
  const askBoth = (asked: Asked) => Promise.all([ask(ours, asked), ask(triton.url, asked)]);

  const infer = "/v2/models/readability/infer";
  const texts = [[7], [3, 4, 5, 6], Array.from({ length: 300 }, (_, i) => 37 * i)];
  const inputsOf = (rows: readonly (readonly number[])[]) => {
    const tensor = (data: readonly number[]) => BigInt64Array.from(data, BigInt);
    const ids = rows.flat();
    return {
      batch: rows.length,
      sequence: rows[0]!.length,
      inputIds: tensor(ids),
      attentionMask: tensor(ids.map(() => 1)),
      tokenTypeIds: tensor(ids.map((id) => id % 2)),
    };
  };

  it.each(texts)("answer the same scores to our client", async (...ids: number[]) => {
    for (const url of [ours, triton.url]) {
      const client = connectServer(url, "readability", { version: 1 });
      expect(await client.score(ids)).toBe(meanScore(ids));
      await client.close();
    }
  });

  it.each([
    ["json", false],
    ["json", true],
    ["binary", false],
    ["binary", true],
  ] as const)("answer alike to %s, binary output %s", async (encoding, binaryOutput) => {
    for (const rows of [
      ...texts.map((ids) => [ids]),
      [
        [1, 2],
        [3, 4],
        [5, 7],
      ],
    ]) {
      const message = encodeRequest({ id: "an id", timeout: 1e6, binaryOutput, inputs: inputsOf(rows) }, encoding);
      const [a, b] = await askBoth({ path: infer, message });
      expect([a.status, b.status]).toEqual([200, 200]);
      expect(a.headers.get("content-type")?.split(";")[0]).toBe(b.headers.get("content-type"));
      if (binaryOutput) {
        expect(a.headers.get(headerLength)).toBe(b.headers.get(headerLength));
        expect(a.body).toEqual(b.body);
      } else {
        const round = (_: string, value: unknown) => (typeof value === "number" ? Math.fround(value) : value);
        expect(JSON.parse(a.body.toString(), round)).toEqual(JSON.parse(b.body.toString(), round));
      }
    }
  });

  it.each([
    "/v2/models/readability",
    "/v2/models/readability/versions/1",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/readability/ready",
    "/v2/models/readability/versions/1/ready",
    "/v2/models/readability/versions/7/ready",
    "/v2/models/other/ready",
    "/nothing",
    "/v2/models/readability/versions/x",
    "/v2/models/readability/nothing",
    infer,
  ])("answer the same to %s", async (path) => {
    const [a, b] = await askBoth({ path });
    expect([a.status, a.body.toString()]).toEqual([b.status, b.body.toString()]);
  });

  const named = ["input_ids", "attention_mask", "token_type_ids"];
  const good = named.map((name) => ({ name, shape: [1, 2], datatype: "INT64", data: [1, 2] }));
  const first = (change: object) => joinMessage({ inputs: [{ ...good[0], ...change }, ...good.slice(1)] }, []);
  const whole = encodeRequest({ binaryOutput: false, inputs: inputsOf([[1, 2]]) }, "binary");
  const bytes = (body: Buffer, length: string | undefined = whole.headers[headerLength]): Asked => ({
    path: infer,
    message: { body, headers: { ...whole.headers, ...(length === undefined ? {} : { [headerLength]: length }) } },
  });
  const json = (content: unknown): Asked => ({ path: infer, message: joinMessage(content, []) });

  it.each<[string, Asked]>([
    ["no body", { path: infer, message: { headers: {}, body: Buffer.alloc(0) } }],
    ["no JSON", { path: infer, message: { headers: {}, body: Buffer.from("{") } }],
    ["JSON of another kind", json([])],
    ["no inputs", json({ inputs: [] })],
    ["an input missing", json({ inputs: good.slice(1) })],
    ["an input unknown", json({ inputs: [...good, { ...good[0], name: "other" }] })],
    ["an input twice", json({ inputs: [...good, good[0]] })],
    ["an output unknown", json({ inputs: good, outputs: [{ name: "other" }] })],
    ["another datatype", { path: infer, message: first({ datatype: "INT32" }) }],
    ["no datatype", { path: infer, message: first({ datatype: "LONG" }) }],
    ["another rank", { path: infer, message: first({ shape: [2] }) }],
    ["too few numbers", { path: infer, message: first({ data: [1] }) }],
    ["too many numbers", { path: infer, message: first({ data: [1, 2, 3] }) }],
    ["a fraction", { path: infer, message: first({ data: [1, 2.5] }) }],
    ["a word", { path: infer, message: first({ data: ["a", "b"] }) }],
    ["no data", { path: infer, message: first({ data: undefined }) }],
    ["data twice", { path: infer, message: first({ parameters: { binary_data_size: 16 } }) }],
    ["a timeout that is none", json({ inputs: good, parameters: { timeout: -1 } })],
    ["an id that is none", json({ inputs: good, id: 5 })],
    ["bytes missing", bytes(whole.body.subarray(0, -8))],
    ["bytes too many", bytes(Buffer.concat([whole.body, Buffer.alloc(3)]))],
    ["a header too small", bytes(whole.body, "10")],
    ["a header too large", bytes(whole.body, "99999")],
    ["a negative header", bytes(whole.body, "-1")],
    ["a header that is no number", bytes(whole.body, "abc")],
    ["another model", { ...json({ inputs: good }), path: "/v2/models/other/infer" }],
    ["another version", { ...json({ inputs: good }), path: "/v2/models/readability/versions/3/infer" }],
    ["another method", { ...json({ inputs: good }), method: "PUT" }],
    ["another encoding", { path: infer, message: { headers: { "content-encoding": "br" }, body: Buffer.from("x") } }],
    ["metadata of another model", { path: "/v2/models/other" }],
    ["metadata of another version", { path: "/v2/models/readability/versions/3" }],
    ["the configuration of another model", { path: "/v2/models/other/config" }],
    ["the statistics of another model", { path: "/v2/models/other/stats" }],
    ["the statistics of another version", { path: "/v2/models/readability/versions/3/stats" }],
  ])("refuse %s with the same status", async (_, asked) => {
    const [a, b] = await askBoth(asked);
    // Triton 2.51 blames itself for what it cannot parse.
    expect(a.status).toBe(b.status === 500 ? 400 : b.status);
    for (const { body } of [a, b]) expect(JSON.parse(body.toString())).toEqual({ error: expect.any(String) });
  });

  it("list the same models and tell the same metrics and statistics", async () => {
    const [a, b] = await askBoth({ path: "/v2/repository/index", message: joinMessage({}, []) });
    expect(JSON.parse(a.body.toString())).toEqual(JSON.parse(b.body.toString()));
    const fields = (json: Buffer) => Object.keys(JSON.parse(json.toString()).model_stats[0]);
    const [ourStats, theirStats] = await askBoth({ path: "/v2/models/readability/stats" });
    expect(fields(theirStats.body)).toEqual(expect.arrayContaining(fields(ourStats.body)));
    const series = async (url: string) => {
      const lines = (await (await fetch(url)).text()).split("\n").filter((line) => line.startsWith("nv_inference"));
      return lines.map((line) => line.replace(/ .*/, "").replace(/\{(.*)\}/, (_, labels: string) => labels.split(",").sort().join()));
    };
    expect(await series(triton.metrics)).toEqual(expect.arrayContaining(await series(`${ours}/metrics`)));
  });
});
