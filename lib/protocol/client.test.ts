import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createRawServer } from "node:net";
import { afterEach, expect, it } from "vitest";
import { connectServer, type ServerModel, type ServerOptions } from "./client.js";
import { headerLength } from "./message.js";
import { describeModel } from "./model-metadata.js";
import { decodeRequest, type InferRequest } from "./request.js";
import { encodeResponse } from "./response.js";

const names = ["input_ids", "attention_mask", "token_type_ids"];
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Answer = (asked: InferRequest, response: ServerResponse, request: IncomingMessage) => void;

/** A server that answers inference requests one after another as the list says, its last entry ever after; scores are the first id / 3. */
async function serve(answers: readonly Answer[], options?: ServerOptions) {
  const asked: { readonly path: string; readonly request: InferRequest }[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    if (request.method === "GET") return other(request, response);
    const inference = decodeRequest(Buffer.concat(parts), request.headers[headerLength] as string, names);
    asked.push({ path: request.url!, request: inference });
    return answers[Math.min(asked.length, answers.length) - 1]!(inference, response, request);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = connectServer(url, "readability", options);
  closers.push(
    () => server.close(),
    () => server.closeAllConnections(),
    () => client.close(),
  );
  return { client, asked, url };
}

function other(request: IncomingMessage, response: ServerResponse) {
  const answers = new Map([
    ["/v2/health/live", ""],
    ["/v2/models/readability/ready", ""],
    ["/v2/models/readability", JSON.stringify(describeModel("readability", 3, names))],
    ["/v2/models/short/ready", ""],
    ["/v2/models/short", JSON.stringify(describeModel("short", 1, names.slice(0, 2)))],
    ["/v2/models/odd", "{}"],
  ]);
  const answer = answers.get(request.url!);
  return answer === undefined ? response.writeHead(404).end('{"error":"Not Found"}') : response.end(answer);
}

const answerAs =
  (model: string, version: string): Answer =>
  ({ inputs: { inputIds }, binaryOutput }, response) => {
    const logits = Float32Array.of(Number(inputIds[0]) / 3);
    const { body, headers } = encodeResponse({ model, version, logits }, binaryOutput ? "binary" : "json");
    response.writeHead(200, headers).end(body);
  };
const score = answerAs("readability", "1");
const fail =
  (status: number, headers: Record<string, string> = {}, body = '{"error":"no place left"}'): Answer =>
  (_, response) =>
    response.writeHead(status, headers).end(body);
const hangUp: Answer = (_, response) => response.destroy();
const breakOff: Answer = (_, response) => response.writeHead(200, { "content-length": "500" }).write("{", () => response.destroy());
const silence: Answer = () => {};

it("sends a text in binary, with its deadline in microseconds, and reads the score", async () => {
  const { client, asked } = await serve([score]);
  expect(await client.score([7, 8, 9], { timeout: 1234.5 })).toBe(Math.fround(7 / 3));
  const { timeout } = asked[0]!.request;
  expect(timeout).toBeLessThanOrEqual(1234.5);
  expect(timeout).toBeGreaterThan(0);
  expect(asked).toEqual([
    {
      path: "/v2/models/readability/infer",
      request: {
        timeout,
        binaryOutput: true,
        inputs: {
          batch: 1,
          sequence: 3,
          inputIds: BigInt64Array.of(7n, 8n, 9n),
          attentionMask: BigInt64Array.of(1n, 1n, 1n),
          tokenTypeIds: new BigInt64Array(3),
        },
      },
    },
  ]);
});

it("pads a text to the next bucket, and does not pad one longer than the last", async () => {
  const { client, asked } = await serve([score], { buckets: [2, 4], padId: 9 });
  for (const ids of [
    [3, 5],
    [3, 5, 7],
    [3, 5, 7, 8, 6],
  ])
    expect(await client.score(ids)).toBe(1);
  const sent = asked.map(({ request: { inputs } }) => [inputs.sequence, ...inputs.inputIds, ...inputs.attentionMask].map(Number));
  expect(sent).toEqual([
    [2, 3, 5, 1, 1],
    [4, 3, 5, 7, 9, 1, 1, 1, 0],
    [5, 3, 5, 7, 8, 6, 1, 1, 1, 1, 1],
  ]);
});

it("requests the given version, and refuses the response of another", async () => {
  const { client, asked } = await serve([answerAs("readability", "4"), score, answerAs("other", "4")], { version: 4 });
  expect(await client.score([3])).toBe(1);
  expect(asked[0]!.path).toBe("/v2/models/readability/versions/4/infer");
  expect(await client.ready()).toBe(false);
  for (const found of ["readability, version 1", "other, version 4"])
    await expect(client.score([3])).rejects.toMatchObject({ code: "bad-inference-response", message: expect.stringContaining(found) });
});

it("keeps 200 texts in flight at once", async () => {
  const held: (() => void)[] = [];
  const { client } = await serve([
    (asked, response, request) => {
      held.push(() => score(asked, response, request));
      if (held.length === 200) for (const answer of held) answer();
    },
  ]);
  const ids = Array.from({ length: 200 }, (_, i) => i);
  expect(await Promise.all(ids.map((id) => client.score([id])))).toEqual(ids.map((id) => Math.fround(id / 3)));
});

it.each([
  ["a lost connection", [hangUp, hangUp, score]],
  ["a connection lost in the midst of an answer", [breakOff, breakOff, score]],
  ["a full queue", [fail(503), fail(503, { "retry-after": "0" }), score]],
])("tries again after %s", async (_, answers) => {
  const { client, asked } = await serve(answers);
  expect(await client.score([3])).toBe(1);
  expect(asked).toHaveLength(3);
});

it("gives an attempt only the time that is left", async () => {
  const { client, asked } = await serve([fail(503), fail(503), score]);
  await client.score([3], { timeout: 5000 });
  const times = asked.map(({ request }) => request.timeout!);
  expect(times[2]).toBeLessThan(times[1]!);
  expect(times[1]).toBeLessThan(times[0]!);
});

it("gives up at the deadline if every connection is lost", async () => {
  const { client, asked } = await serve([hangUp]);
  await expect(client.score([3], { timeout: 60 })).rejects.toMatchObject({ code: "timed-out" });
  expect(asked.length).toBeLessThan(5);
});

it("gives up after some lost connections even if time is left", async () => {
  const { client, asked } = await serve([hangUp]);
  await expect(client.score([3])).rejects.toMatchObject({ code: "server-unreachable", status: 503 });
  expect(asked).toHaveLength(5);
});

it("does not retry if the response is not HTTP", async () => {
  let connections = 0;
  const server = createRawServer((socket) => {
    connections++;
    socket.end("hello\r\n\r\n");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = connectServer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "readability");
  closers.push(
    () => server.close(),
    () => client.close(),
  );
  await expect(client.score([3])).rejects.toMatchObject({ code: "server-unreachable" });
  expect(connections).toBe(1);
});

it("says when to retry if the remaining time is too short to wait", async () => {
  const { client, asked } = await serve([fail(503, { "retry-after": "7" })]);
  const busy = { code: "server-busy", status: 503, retryAfter: 7, cause: expect.stringContaining("no place left") };
  await expect(client.score([3], { timeout: 5000 })).rejects.toMatchObject(busy);
  expect(asked).toHaveLength(1);
});

it("waits as long as Retry-After says, within the deadline", async () => {
  const { client, asked } = await serve([fail(503, { "retry-after": "1" }), score]);
  expect(await client.score([3], { timeout: 5000 })).toBe(1);
  expect(asked).toHaveLength(2);
});

it.each<[string, Answer, object]>([
  ...[400, 404, 413, 429].map((status): [string, Answer, object] => [
    `a refusal by ${status}`,
    fail(status, { "retry-after": "0" }),
    { code: "server-refused" },
  ]),
  ["what the server refuses", fail(404), { code: "server-refused", message: expect.stringContaining("status 404: no place left") }],
  [
    "an error that is no JSON",
    fail(500, {}, "<h1>oops</h1>"),
    { code: "server-refused", message: expect.stringContaining("<h1>oops</h1>") },
  ],
  ["an answer of another kind", fail(200, {}, "hello"), { code: "bad-inference-response", status: 502 }],
])("does not try again after %s", async (_, answer, error) => {
  const { client, asked } = await serve([answer]);
  await expect(client.score([3])).rejects.toMatchObject(error);
  expect(asked).toHaveLength(1);
});

it("refuses more than one score for a text", async () => {
  const two: Answer = (_, response) => {
    const { body, headers } = encodeResponse({ model: "readability", version: "1", logits: Float32Array.of(1, 2) }, "json");
    response.writeHead(200, headers).end(body);
  };
  const { client } = await serve([two]);
  await expect(client.score([3])).rejects.toMatchObject({ message: expect.stringContaining("it returned 2 scores") });
});

it("gives up at the deadline and when it is cancelled, and closes the connection", async () => {
  const gone: Promise<unknown>[] = [];
  const { client } = await serve([(_, response) => void gone.push(once(response, "close"))]);
  await expect(client.score([3], { timeout: 20 })).rejects.toMatchObject({ code: "timed-out", status: 504 });
  const before = gone.length; // 20 ms may be too short for it to arrive
  const controller = new AbortController();
  const cancelled = expect(client.score([3], { signal: controller.signal })).rejects.toBe("gone");
  while (gone.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
  controller.abort("gone");
  await cancelled;
  await Promise.all(gone);
  await expect(client.score([3], { signal: AbortSignal.abort("before") })).rejects.toBe("before");
  const busy = await serve([fail(503, { "retry-after": "1" })]);
  await expect(busy.client.score([3], { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: "TimeoutError" });
});

it("tells whether the server lives and the model is ready, and what the model is", async () => {
  const { client, url } = await serve([silence]);
  expect([await client.live(), await client.ready()]).toEqual([true, true]);
  expect(await client.metadata()).toMatchObject({ name: "readability", versions: ["3"], outputs: [{ name: "logits" }] });
  const other: ServerModel = connectServer(`${url}/`, "other");
  closers.push(() => other.close());
  expect([await other.live(), await other.ready()]).toEqual([true, false]);
  await expect(other.metadata()).rejects.toMatchObject({ code: "server-refused" });
  const elsewhere = connectServer(`${url}/elsewhere`, "readability");
  closers.push(() => elsewhere.close());
  expect(await elsewhere.live()).toBe(false);
});

it("checks that the server's model has the right inputs and output", async () => {
  const { client, url } = await serve([silence]);
  await client.check();
  const [short, odd] = [connectServer(url, "short"), connectServer(url, "odd")];
  closers.push(
    () => short.close(),
    () => odd.close(),
  );
  await expect(short.check()).rejects.toMatchObject({ code: "other-model", message: expect.stringContaining(`${url}/v2/models/short`) });
  await expect(odd.check()).rejects.toMatchObject({ code: "bad-inference-response" });
});

it("gives up an answer that does not end, and says so", async () => {
  const endless: Answer = (_, response) => {
    const write = () => {
      while (!response.destroyed && response.write("x".repeat(1 << 16)));
    };
    response.on("drain", write);
    write();
  };
  const { client, asked } = await serve([endless]);
  await expect(client.score([3])).rejects.toMatchObject({
    code: "bad-inference-response",
    message: expect.stringContaining("its answer is larger than 1048576 bytes"),
  });
  expect(asked).toHaveLength(1);
});

it("names the address at which no server answers", async () => {
  const { url } = await serve([score]);
  await closers.pop()!();
  await closers.pop()!();
  await closers.pop()!();
  const client = connectServer(url, "readability");
  expect([await client.live(), await client.ready()]).toEqual([false, false]);
  await expect(client.score([3])).rejects.toMatchObject({ code: "server-unreachable", status: 503, message: expect.stringContaining(url) });
  await client.close();
});

it("passes a trace on, with every attempt", async () => {
  const traces: unknown[] = [];
  const keep: Answer = (_, response, { headers }) => {
    traces.push(headers.traceparent);
    response.writeHead(503, { "retry-after": "0" }).end("{}");
  };
  const answer: Answer = (asked, response, request) => {
    traces.push(request.headers.traceparent);
    answerAs("readability", "3")(asked, response, request);
  };
  const { client } = await serve([keep, answer]);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await client.score([3], { traceparent });
  await client.score([3]);
  expect(traces).toEqual([traceparent, traceparent, undefined]);
});
