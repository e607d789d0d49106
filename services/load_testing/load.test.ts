import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type LoadPlan, runLoad } from "./load.js";

type Answer = (text: string, response: ServerResponse, request: IncomingMessage) => void;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** An api that answers each text as `answer` says. */
async function serve(answer: Answer): Promise<Pick<LoadPlan, "target" | "texts" | "seed" | "timeout">> {
  server = createServer(async (request, response) => {
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece as Buffer);
    answer((JSON.parse(Buffer.concat(body).toString()) as { text: string }).text, response, request);
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return { target: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, texts: ["a", "b", "c"], seed: 0, timeout: 5 };
}

const score: Answer = (text, response) => response.end(JSON.stringify([text, -0.5]));

test("right answers are counted, second by second, over one connection a user", async () => {
  const connections = new Set<unknown>();
  let served = 0;
  let broken = 0;
  const api = await serve((text, response, request) => {
    connections.add(request.socket);
    served++;
    response.once("close", () => response.writableFinished || broken++);
    setTimeout(() => score(text, response, request), 5);
  });
  const seen: number[] = [];
  const result = await runLoad({ ...api, users: 4, spawnRate: 100, seconds: 2.2, onSecond: ({ second }) => seen.push(second) });
  expect(result.failures).toBe(0);
  expect(result.errors).toEqual({});
  expect(result.requests).toBeGreaterThan(8);
  expect(served - result.requests).toBeLessThanOrEqual(4); // only what was in flight at the end is not counted
  expect(broken).toBe(0);
  expect(result.series.reduce((sum, { requests }) => sum + requests, 0)).toBe(result.requests);
  expect(seen).toEqual(result.series.map(({ second }) => second));
  expect(connections.size).toBe(4);
  expect(result.min).toBeGreaterThanOrEqual(4);
  const times = [result.min, result.median, result.percentiles["90"]!, result.percentiles["99.9"]!, result.percentiles["100"]!];
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(result.requests_per_second * result.seconds).toBeCloseTo(result.requests);
});

test("users start at the given rate", async () => {
  const connections = new Set<unknown>();
  const api = await serve((text, response, request) => {
    connections.add(request.socket);
    setTimeout(() => score(text, response, request), 20);
  });
  const result = await runLoad({ ...api, users: 100, spawnRate: 4, seconds: 1.1 });
  expect(connections.size).toBeLessThanOrEqual(5); // at 0, .25, .5, .75 and 1 s
  expect(result.requests).toBeGreaterThan(0);
});

test("users that start years apart do not all start at once", async () => {
  const connections = new Set<unknown>();
  const api = await serve((text, response, request) => {
    connections.add(request.socket);
    score(text, response, request);
  });
  await runLoad({ ...api, users: 5, spawnRate: 1e-9, seconds: 0.3 });
  expect(connections.size).toBe(1);
});

test("the seed decides which texts are sent", async () => {
  const sent: string[][] = [];
  const api = await serve((text, response, request) => {
    sent.at(-1)!.push(text);
    score(text, response, request);
  });
  for (const seed of [7, 7, 8]) {
    sent.push([]);
    await runLoad({ ...api, seed, users: 1, spawnRate: 1, seconds: 0.3, texts: Array.from({ length: 1000 }, (_, i) => String(i)) });
  }
  const [first, second, other] = sent.map((texts) => texts.slice(0, 5).join());
  expect(first!.split(",")).toHaveLength(5);
  expect(second).toBe(first);
  expect(other).not.toBe(first);
});

test.each<[string, Answer, string]>([
  ["a status that is not 200", (_, response) => response.writeHead(503).end("{}"), "answered 503 Service Unavailable"],
  ["no JSON", (_, response) => response.end("oops"), "answer is not [text, number]"],
  ["no number", (text, response) => response.end(JSON.stringify([text, null])), "answer is not [text, number]"],
  ["more than text and number", (text, response) => response.end(JSON.stringify([text, 1, 2])), "answer is not [text, number]"],
  ["another text", (_, response) => response.end(JSON.stringify(["x", 1])), "answer has a different text"],
  ["a connection that breaks", (_, response) => response.destroy(), "no answer: UND_ERR_SOCKET"],
])("%s is a failure, grouped by its message", async (_, answer, message) => {
  const result = await runLoad({ ...(await serve(answer)), users: 2, spawnRate: 100, seconds: 0.5 });
  expect(result.failures).toBeGreaterThan(0);
  expect(result.failures).toBe(result.requests);
  expect(result.errors).toEqual({ [message]: result.failures });
});

test("an answer that does not come in time is a failure", async () => {
  const api = await serve(() => {});
  const result = await runLoad({ ...api, timeout: 0.5, users: 1, spawnRate: 1, seconds: 4 });
  expect(Object.keys(result.errors)).toEqual(["no answer: UND_ERR_HEADERS_TIMEOUT"]);
});

test("nobody listening is a failure, not an exception", async () => {
  const api = await serve(score);
  await new Promise((resolve) => server!.close(resolve));
  const result = await runLoad({ ...api, users: 2, spawnRate: 100, seconds: 0.5 });
  expect(result.errors).toEqual({ "no answer: ECONNREFUSED": result.requests });
  expect(result.requests).toBeGreaterThan(0);
  expect(result.requests).toBeLessThan(50); // it pauses between attempts
});

test("a signal ends the run early with what was measured, also during the ramp-up", async () => {
  const controller = new AbortController();
  const api = await serve(score);
  const running = runLoad({ ...api, users: 3, spawnRate: 0.1, seconds: 3600, signal: controller.signal });
  await sleep(300);
  controller.abort();
  const result = await running;
  expect(result.requests).toBeGreaterThan(0);
  expect(result.seconds).toBeLessThan(60);
});

test("a target below a path keeps the path", async () => {
  const paths = new Set<string | undefined>();
  const api = await serve((text, response, request) => {
    paths.add(request.url);
    score(text, response, request);
  });
  await runLoad({ ...api, target: `${api.target}/readability/`, users: 1, spawnRate: 1, seconds: 0.2 });
  expect([...paths]).toEqual(["/readability/predict"]);
});
