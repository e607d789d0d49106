import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { until } from "../../test/fakes.js";
import { ApiError } from "./api-error.js";
import { type ClientOptions, createClient } from "./client.js";

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

let server: Server | undefined;
const received: Received[] = [];

afterEach(async () => {
  received.splice(0);
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

/** A client of a server that gives each of these answers once, and the last one from then on. */
async function connect(answers: readonly ((request: Received, response: ServerResponse) => unknown)[], options: ClientOptions = {}) {
  server = createServer(async (request, response) => {
    const { method = "", url: path = "", headers } = request;
    const asked = { method, path, headers, body: await text(request) };
    const answer = answers[Math.min(received.push(asked), answers.length) - 1]!;
    await answer(asked, response);
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return createClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, ...options });
}

const json = (value: unknown) => (_: Received, response: ServerResponse) => response.end(JSON.stringify(value));
const drop = (_: Received, response: ServerResponse) => response.destroy();

const problem =
  (status: number, code: string, headers: Record<string, string> = {}) =>
  (_: Received, response: ServerResponse) =>
    response
      .writeHead(status, { "content-type": "application/problem+json", "x-request-id": "r1", ...headers })
      .end(JSON.stringify({ status, code, detail: `It is ${code}.`, request_id: "r1" }));

/** Answers each line; the score is the length of its text. */
const echo = async ({ body }: Received, response: ServerResponse) => {
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  for (const line of body.trim().split("\n")) {
    const { text, id } = JSON.parse(line) as { text: string; id?: number };
    response.write(`${JSON.stringify({ id, score: text.length })}\n`);
  }
  response.end();
};

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("a call", () => {
  it("sends what the api takes, with the key, and returns what it answers", async () => {
    const client = await connect([json(["a", -1.5]), json({ score: 1 }), json({ results: [{ score: 2 }] }), json({ models: [] })], {
      apiKey: "k1",
      headers: { "x-request-id": "mine" },
    });
    expect(await client.predict("a")).toBe(-1.5);
    expect(await client.score("a", { formulas: true })).toEqual({ score: 1 });
    expect(await client.score(["a"])).toEqual([{ score: 2 }]);
    expect(await client.models()).toEqual([]);
    expect(received.map(({ method, path, body }) => [method, path, body])).toEqual([
      ["POST", "/predict", '{"text":"a"}'],
      ["POST", "/v1/score", '{"text":"a","formulas":true}'],
      ["POST", "/v1/score", '{"texts":["a"]}'],
      ["GET", "/v1/models", ""],
    ]);
    for (const { headers } of received) expect(headers).toMatchObject({ authorization: "Bearer k1", "x-request-id": "mine" });
  });

  it("compares two versions of a text", async () => {
    const client = await connect([json({ difference: { score: 0.5, interval: null } })]);
    expect((await client.compare("before", "after")).difference.score).toBe(0.5);
    expect(received[0]).toMatchObject({ path: "/v1/compare", body: '{"before":"before","after":"after"}' });
  });

  it("throws what the api answers, and does not repeat a refusal", async () => {
    const client = await connect([problem(422, "empty-text")]);
    const error = await client.score(" ").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      code: "empty-text",
      status: 422,
      detail: "It is empty-text.",
      message: "It is empty-text.",
      requestId: "r1",
    });
    expect(received).toHaveLength(1);
  });

  it("tries again after a lost connection and an overload, no earlier than the api asks", async () => {
    const client = await connect([drop, problem(503, "overloaded", { "retry-after": "1" }), json(["a", 1])]);
    const began = performance.now();
    expect(await client.predict("a")).toBe(1);
    expect(performance.now() - began).toBeGreaterThanOrEqual(1000);
    expect(received).toHaveLength(3);
  });

  it("gives up after its retries, and does not wait beyond its deadline", async () => {
    const busy = await connect([problem(503, "overloaded")], { retries: 1 });
    await expect(busy.predict("a")).rejects.toMatchObject({ code: "overloaded" });
    expect(received).toHaveLength(2);
    server!.close();
    const late = await connect([problem(429, "rate-limited", { "retry-after": new Date(Date.now() + 90_000).toUTCString() })]);
    await expect(late.predict("a", { timeout: 30_000 })).rejects.toMatchObject({ code: "rate-limited", retryAfter: expect.any(Number) });
    expect(received).toHaveLength(3);
  });

  it("ends at its deadline, or with the signal's reason", async () => {
    const client = await connect([() => {}]);
    await expect(client.predict("a", { timeout: 50 })).rejects.toMatchObject({ code: "api-timeout", status: 0 });
    const controller = new AbortController();
    const call = client.predict("a", { signal: controller.signal });
    controller.abort(new Error("no longer wanted"));
    await expect(call).rejects.toThrow("no longer wanted");
    await expect(client.predict("a", { signal: controller.signal })).rejects.toThrow("no longer wanted");
  });

  it("says where no api answers", async () => {
    const nowhere = createClient({ url: "http://127.0.0.1:1", retries: 0 });
    await expect(nowhere.predict("a")).rejects.toMatchObject({
      code: "api-unreachable",
      status: 0,
      message: expect.stringContaining("127.0.0.1:1"),
    });
    const other = await connect([(_, response) => response.end("<html>"), (_, response) => response.writeHead(404).end("<html>")]);
    await expect(other.predict("a")).rejects.toMatchObject({ code: "bad-api-answer", status: 200 });
    await expect(other.predict("a")).rejects.toMatchObject({ code: "bad-api-answer", status: 404 });
  });
});

describe("scoreStream", () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, id) => ({ id, text: "x".repeat(1 + (id % 7)) }));
  const expected = (count: number) => numbers(count).map(({ id, text }) => ({ id, score: text.length }));

  it("gives one result a text, in order, in batches", async () => {
    const client = await connect([echo]);
    expect(await collect(client.scoreStream(numbers(200), { batch: 30, formulas: true }))).toEqual(expected(200));
    expect(received[0]!.headers["content-type"]).toBe("application/x-ndjson");
    const sizes = received.map(({ body }) => body.trim().split("\n").length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(30);
    expect(JSON.parse(received[0]!.body.split("\n")[0]!)).toEqual({ formulas: true, id: 0, text: "x" });
  });

  it("reads only two batches ahead, and leaves its source when its reader leaves", async () => {
    let [read, left] = [0, false];
    async function* endless() {
      try {
        for (;;) yield `text ${read++}`;
      } finally {
        left = true;
      }
    }
    const client = await connect([echo]);
    let taken = 0;
    for await (const _ of client.scoreStream(endless(), { batch: 10 })) {
      await sleep(1);
      expect(read - taken).toBeLessThanOrEqual(21);
      if (++taken === 50) break;
    }
    await until(() => left);
  });

  it("gives a result while the next text is long in coming, and ends when it is cancelled", async () => {
    async function* slow() {
      yield "abc";
      await new Promise(() => {});
    }
    const client = await connect([echo]);
    const controller = new AbortController();
    const results = client.scoreStream(slow(), { signal: controller.signal });
    expect((await results.next()).value).toMatchObject({ score: 3 });
    const next = results.next();
    await sleep(5);
    controller.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
  });

  it("goes on after a lost connection, and after an error that may be gone soon, with the texts that have no result", async () => {
    const half = (_: Received, response: ServerResponse) => {
      response.write('{"id":0,"score":1}\n{"id":1,"score":2}\n{"id":2,"sco');
      setTimeout(() => response.destroy(), 20);
    };
    const busy = (_: Received, response: ServerResponse) =>
      response.end('{"id":2,"score":3}\n{"id":3,"error":{"status":503,"code":"overloaded","detail":"Later."}}\n{"id":4,"score":5}\n');
    const client = await connect([half, busy, echo]);
    expect(await collect(client.scoreStream(numbers(5)))).toEqual(expected(5));
    expect(received.map(({ body }) => body.trim().split("\n").length)).toEqual([5, 3, 2]);
  });

  it("gives the error of a text in its place, and throws what stays", async () => {
    const refused = '{"error":{"status":422,"code":"empty-text","detail":"Blank."},"id":0}\n';
    const client = await connect([(_, response) => response.end(refused), problem(401, "unauthorized")]);
    const results = client.scoreStream([{ id: 0, text: " " }, "a"], { batch: 1 });
    expect((await results.next()).value).toEqual({ id: 0, error: { status: 422, code: "empty-text", detail: "Blank." } });
    await expect(results.next()).rejects.toMatchObject({ code: "unauthorized", status: 401 });
  });

  it("gives the results of what was read before its source fails", async () => {
    async function* broken() {
      yield "a";
      throw new Error("unreadable");
    }
    const client = await connect([echo]);
    const results = client.scoreStream(broken());
    expect((await results.next()).value).toMatchObject({ score: 1 });
    await expect(results.next()).rejects.toThrow("unreadable");
  });
});
