import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { headerLength } from "../../lib/protocol/message.js";
import type { Metadata } from "../../lib/repository/repository.js";
import { keepLog } from "../../test/fakes.js";
import { writeRepository } from "../../test/repositories.js";
import { createFakeEngine } from "../../test/workers.js";
import { type AppOptions, buildApp } from "./app.js";
import { openModels } from "./models.js";
import { serveEngine } from "./served.js";

const repository = mkdtempSync(join(tmpdir(), "limits-"));
beforeAll(() => void writeRepository(repository));
afterAll(() => rmSync(repository, { recursive: true, force: true }));

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const infer = "/v2/models/readability/infer";
const names = ["input_ids", "attention_mask", "token_type_ids"];

/** The app, in explicit mode, over a model with 8 positions, 10 token ids and 2 token types. A text's logit is half its first id. */
async function build(
  options: Partial<AppOptions> = {},
  metadata: Partial<Metadata> = { positions: 8, vocab_size: 10, type_vocab_size: 2 },
) {
  const { engine, fake } = await createFakeEngine();
  const { log, lines } = keepLog();
  const open = async () => serveEngine("readability", 1, engine, 100, { max_length: 4, ...metadata });
  const models = await openModels({ repository, mode: "explicit", open, log });
  await models.load("readability");
  const app = buildApp({ models, timeout: 5000, bodyLimit: 16 << 20, log, ...options });
  closers.push(models.close, () => app.close());
  const ask = async (payload: string | Buffer, headers: Record<string, string> = {}, url = infer) => {
    const { statusCode, body } = await app.inject({ method: "POST", url, payload, headers });
    expect(body.length).toBeLessThan(1000);
    return [statusCode, body === "" ? "" : (JSON.parse(body) as { error: string }).error];
  };
  return { app, fake, lines, ask };
}

const request = (shape: readonly number[], ids: readonly number[], types = ids.map(() => 0)) =>
  JSON.stringify({
    inputs: names.map((name) => ({
      name,
      datatype: "INT64",
      shape,
      data: name === "input_ids" ? ids : name === "token_type_ids" ? types : ids.map(() => 1),
    })),
  });

/** Each would take a minute, or gigabytes, where it is read as a whole before it is refused. */
const attacks: Readonly<Record<string, readonly [body: () => string, message: string]>> = {
  "2.7 million empty inputs": [() => `{"inputs":[${"{},".repeat(2_700_000)}{}]}`, "its values would take more than"],
  "100,000 empty inputs": [() => `{"inputs":[${"{},".repeat(100_000)}{}]}`, "inputs must have at most 16 items"],
  "a million inputs of another type": [() => `{"inputs":[${"1,".repeat(1_000_000)}1]}`, "inputs must have at most 16 items"],
  "a million outputs": [() => `{"inputs":[],"outputs":[${"1,".repeat(1_000_000)}1]}`, "outputs must have at most 16 items"],
  "a shape of 100,000 dimensions": [
    () => `{"inputs":[{"name":"a","datatype":"INT64","shape":[${'"",'.repeat(100_000)}1]}]}`,
    "inputs[0].shape must have at most 16 items",
  ],
  "20,000 parameters": [
    () => `{"inputs":[],"parameters":{${Array.from({ length: 20_000 }, (_, i) => `"p${i}":{}`)}}}`,
    "parameters must have at most 100 fields",
  ],
  "8 million brackets": [() => "[".repeat(8_000_000), "its values would take more than"],
  "1.2 million fields": [() => `{${Array.from({ length: 1_200_000 }, (_, i) => `"${i}":0`)}}`, "its values would take more than"],
  "an input's name of a megabyte": [() => `{"inputs":[{"name":"${"x".repeat(1 << 20)}","datatype":"","shape":[]}]}`, "The inputs are xxx"],
  "an output's name of a megabyte": [
    () => `${request([1, 1], [1]).slice(0, -1)},"outputs":[{"name":"${"x".repeat(1 << 20)}"}]}`,
    'Output \\"xxx',
  ],
};

it.each(Object.entries(attacks))("refuses %s, compressed, with a short answer", async (_, [body, message]) => {
  const { ask } = await build();
  const [status, error] = await ask(gzipSync(body()), { "content-encoding": "gzip" });
  expect([status, error]).toEqual([400, expect.stringContaining(JSON.parse(`"${message}"`))]);
});

it("refuses to load a model with many parameters, with a short answer", async () => {
  const { ask } = await build();
  const load = "/v2/repository/models/readability/load";
  const fields = (count: number) => `{"parameters":{${Array.from({ length: count }, (_, i) => `"parameter${i}":0`)}}}`;
  expect(await ask(fields(500_000), {}, load)).toEqual([413, expect.stringContaining("larger than 65536 bytes")]);
  expect(await ask(fields(3000), {}, load)).toEqual([400, expect.stringContaining("and 2995 more")]);
});

it.each([
  ["a text longer than the model reads", request([1, 9], Array(9).fill(1)), "Each text has 9 tokens. Expected: at most 8"],
  ["a very long text whose numbers are not even there", request([1, 690_000], []), "Each text has 690000 tokens"],
  ["more texts than may wait", request([101, 1], Array(101).fill(1)), "The request has 101 texts; the limit is 100"],
  ["very many texts that are not even there", request([650_000, 1], []), "The request has 650000 texts"],
  ["a token id that the model lacks", request([1, 2], [1, 10]), "Input input_ids has the id 10. Expected: ids from 0 to 9"],
  ["a negative token id", request([1, 2], [-1, 1]), "Input input_ids has the id -1"],
  ["a token id of 64 bits", request([1, 2], [1, 2 ** 40]), "Input input_ids has the id 1099511627776"],
  ["a token type that the model lacks", request([1, 2], [1, 1], [0, 2]), "Input token_type_ids has the id 2. Expected: ids from 0 to 1"],
  ["a negative token type", request([1, 2], [1, 1], [0, -1]), "Input token_type_ids has the id -1"],
])("refuses %s", async (_, body, message) => {
  const { ask, fake } = await build();
  expect(await ask(body)).toEqual([400, expect.stringContaining(message)]);
  expect(fake.ids()).toEqual([]);
});

it("refuses negative ids of a version that does not say how many it has, and takes its max_length as its positions", async () => {
  const { ask, fake } = await build({}, {});
  expect(await ask(request([1, 2], [-1, 1]))).toEqual([400, expect.stringContaining("has the id -1")]);
  expect(await ask(request([1, 5], Array(5).fill(1)))).toEqual([400, expect.stringContaining("Each text has 5 tokens")]);
  const answer = ask(request([1, 2], [1000, 1]));
  await fake.finish(1000);
  expect((await answer)[0]).toBe(200);
});

it("reads ids of binary tensors, and refuses those that are none", async () => {
  const { app } = await build();
  const head = JSON.stringify({
    inputs: names.map((name) => ({ name, datatype: "INT64", shape: [1, 1], parameters: { binary_data_size: 8 } })),
  });
  const payload = Buffer.concat([Buffer.from(head), Buffer.from(BigInt64Array.of(-5n, 1n, 0n).buffer)]);
  const answer = await app.inject({ method: "POST", url: infer, payload, headers: { [headerLength]: String(head.length) } });
  expect([answer.statusCode, answer.json()]).toEqual([400, { error: expect.stringContaining("Input input_ids has the id -5") }]);
});

it("holds long bodies that never end up to a limit, and answers short ones and health checks meanwhile", async () => {
  const { app, fake } = await build({ bodyLimit: 200_000, bodiesLimit: 300_000 });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const open = () => {
    const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
    let text = "";
    socket
      .on("error", () => {})
      .on("data", (part) => {
        text += part;
      });
    socket.write(`POST ${infer} HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n${" ".repeat(199_000)}`);
    return { socket, text: () => text };
  };
  const slow = Array.from({ length: 4 }, open);
  const refused = await Promise.race(slow.map(({ socket, text }) => once(socket, "data").then(text)));
  expect(refused).toMatch(/^HTTP\/1.1 503 [\s\S]*retry-after: 1[\s\S]*reading too many large requests/i);
  const answer = app.inject({ method: "POST", url: infer, payload: request([1, 1], [4]) });
  await fake.finish(4);
  expect((await answer).statusCode).toBe(200);
  expect((await app.inject("/v2/health/live")).statusCode).toBe(200);
  for (const { socket } of slow) socket.destroy();
});

it("is not ready while it stops, nor without a model unless clients load models", async () => {
  const stop = new AbortController();
  const { app } = await build({ stopping: stop.signal });
  const ready = async () => (await app.inject("/v2/health/ready")).statusCode;
  expect(await ready()).toBe(200);
  stop.abort();
  expect([await ready(), (await app.inject("/v2/health/live")).statusCode]).toEqual([400, 200]);
});
