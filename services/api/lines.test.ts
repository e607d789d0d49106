import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text as readAll } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/serving/engine.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { fixedSource, holdEngine, keepLog, sumEngine, sumScore, until, wordTokenizer } from "../../test/fakes.js";
import { type AppOptions, buildApp } from "./app.js";

const open: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

async function serve({ engine = sumEngine, ...options }: Partial<AppOptions> & { engine?: Engine } = {}) {
  const scheduler = createScheduler({ width: 4, maxRequests: 100 });
  const app = buildApp({
    source: fixedSource({ engine, tokenizer: wordTokenizer, maxLength: 16, name: "words" }),
    scheduler,
    ...{ cacheSize: 0, timeout: 5000, bodyLimit: 1000, log: keepLog().log },
    ...options,
  });
  open.push(app);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  /** A request whose body is written later. */
  const start = (headers: Record<string, string> = {}) => {
    const sent = httpRequest({
      ...{ port, host: "127.0.0.1", method: "POST", path: "/v1/score", agent: false },
      headers: { "content-type": "application/x-ndjson", ...headers },
    });
    sent.on("error", () => {});
    const answer = once(sent, "response").then(([response]) => response as IncomingMessage);
    answer.catch(() => {});
    return { sent, answer };
  };
  const post = async (body: string | Buffer, headers: Record<string, string> = {}) => {
    const { sent, answer } = start(headers);
    sent.end(body);
    const response = await answer;
    const lines = (await readAll(response)).split("\n");
    expect(lines.pop()).toBe(""); // every line has an end
    return { status: response.statusCode, headers: response.headers, lines: lines.map((line) => JSON.parse(line) as Answer) };
  };
  return { app, port, scheduler, start, post };
}

interface Answer {
  readonly id?: string | number;
  readonly score?: number;
  readonly error?: { readonly status: number; readonly code: string; readonly detail: string };
}

const scoreOf = (text: string) => expect.closeTo(sumScore(wordTokenizer.encode(text)), 5);
const codes = (lines: readonly Answer[]) => lines.map(({ error }) => error?.code ?? "scored");

describe("POST /v1/score with NDJSON", () => {
  it.each(["application/x-ndjson", "application/jsonl", "Application/JSONL; charset=utf-8"])("answers %s line by line", async (type) => {
    const { post } = await serve();
    const body =
      '{"text": "a cat", "id": 7}\n"a dog sat"\r\n\n  \n{"id": "x", "text": "one two", "formulas": true, "target": {"score": 0}}';
    const { status, headers, lines } = await post(body, { "content-type": type });
    expect([status, headers["content-type"], headers["server-timing"]]).toEqual([200, "application/x-ndjson", undefined]);
    expect(lines).toMatchObject([
      { id: 7, score: scoreOf("a cat"), tokens: 2, windows: 1, warnings: [{ code: "too-short" }] },
      { score: scoreOf("a dog sat") },
      { id: "x", score: scoreOf("one two"), formulas: { smog: null }, target: { score: 0 } },
    ]);
    expect(lines[1]).not.toHaveProperty("id");
  });

  it("keeps the order of thousands of lines, however long each takes", async () => {
    const engine: Engine = { ...sumEngine, free: Infinity, run: async (ids) => {
      await sleep(ids.length % 3);
      return { logit: sumScore(Array.from(ids)), seconds: 0 };
    } }; // biome-ignore format: one
    const { post } = await serve({ engine });
    const texts = Array.from({ length: 2000 }, (_, i) => "x".repeat(1 + (i % 9)).concat(" y".repeat(i % 5)));
    const { lines } = await post(texts.map((text, id) => JSON.stringify({ text, id })).join("\n"));
    expect(lines.map(({ id }) => id)).toEqual(texts.map((_, i) => i));
    expect(lines.map(({ score }) => score)).toEqual(texts.map(scoreOf));
  });

  it("has errors in the place of results, with the id if it is known, and goes on", async () => {
    const { post } = await serve();
    const { status, lines } = await post(
      [
        '{"text": "a", "id": 1}',
        "{",
        "[1]",
        "5",
        "null",
        '{"text": " ", "id": "blank"}',
        '{"text": "a", "texts": ["a"], "id": 3}',
        '{"text": "a", "id": {"a": 1}}',
        JSON.stringify({ id: "long", text: "a ".repeat(1000) }),
        Buffer.from([0x22, 0xe9, 0x22]).toString("latin1"),
        '{"text": "a", "target": {}, "id": 4}',
        '"a"',
      ].join("\n"),
    );
    expect(status).toBe(200);
    expect(lines.map(({ id, error }) => [id, error?.status, error?.code])).toEqual([
      [1, undefined, undefined],
      [undefined, 400, "bad-line"],
      [undefined, 400, "bad-line"],
      [undefined, 400, "bad-line"],
      [undefined, 400, "bad-line"],
      ["blank", 422, "empty-text"],
      [3, 400, "bad-line"],
      [undefined, 400, "bad-line"],
      [undefined, 413, "line-too-long"],
      [undefined, undefined, undefined], // latin1 above is UTF-8 here
      [4, 400, "bad-line"],
      [undefined, undefined, undefined],
    ]);
    expect(lines[6]!.error!.detail).toContain("it must not have texts");
  });

  it("refuses what is not UTF-8, line by line, and knows a byte order mark", async () => {
    const { post } = await serve();
    const body = Buffer.concat([Buffer.from('\ufeff"a"\n"'), Buffer.from([0xe9]), Buffer.from('"\n"b"\n')]);
    expect(codes((await post(body)).lines)).toEqual(["scored", "bad-line", "scored"]);
  });

  it("answers an empty body with nothing", async () => {
    const { post } = await serve();
    for (const body of ["", "\n\r\n \n"]) expect(await post(body)).toMatchObject({ status: 200, lines: [] });
  });

  it("reads compressed lines, and says in a last line if they are damaged", async () => {
    const { post } = await serve();
    const body = gzipSync('"a"\n"b"\n'.repeat(1000));
    const encoding = { "content-encoding": "gzip" };
    expect((await post(body, encoding)).lines).toHaveLength(2000);
    const damaged = (await post(body.subarray(0, body.length - 8), encoding)).lines;
    expect(codes(damaged).at(-1)).toBe("bad-compression");
  });

  it("is not read by other routes", async () => {
    const { port } = await serve();
    for (const path of ["/predict", "/v1/compare"]) {
      const headers = { "content-type": "application/x-ndjson" };
      expect((await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", headers, body: '"a"' })).status).toBe(415);
    }
  });

  it("answers each line as soon as it is scored, while more may come", async () => {
    const { start } = await serve();
    const { sent, answer } = start();
    sent.write('"a"\n');
    const response = await answer;
    const [first] = (await once(response, "data")) as [Buffer];
    expect(JSON.parse(first.toString())).toMatchObject({ score: scoreOf("a") });
    sent.end('"b"');
    expect(JSON.parse(await readAll(response))).toMatchObject({ score: scoreOf("b") });
  });

  it("takes a line for at most the time of a request, in the line", async () => {
    const engine = holdEngine();
    const { post } = await serve({ engine, timeout: 50 });
    expect(codes((await post('"a"\n"b"\n')).lines)).toEqual(["timed-out", "timed-out"]);
  });

  it("lets lines wait while other requests take all places", async () => {
    const engine = holdEngine();
    const scheduler = createScheduler({ width: 4, maxRequests: 1 });
    const { post } = await serve({ engine, scheduler });
    const answer = post('"a"\n"b"\n');
    await until(() => engine.held === 1);
    engine.release();
    await until(() => engine.held === 1);
    engine.release();
    expect(codes((await answer).lines)).toEqual(["scored", "scored"]);
  });
});

describe("a client of NDJSON", () => {
  it("that reads nothing is not read from, and loses nothing", async () => {
    const { app, start } = await serve({ bodyLimit: 100_000 });
    let connection: Socket | undefined;
    app.server.on("connection", (socket) => {
      connection = socket;
    });
    const line = `${JSON.stringify({ text: "a", id: "x".repeat(50_000) })}
`;
    const lines = 1000; // 50 MB each way: more than all buffers on the way hold
    const { sent, answer } = start();
    const sending = (async () => {
      for (let i = 0; i < lines; i++) if (!sent.write(line)) await once(sent, "drain");
      sent.end();
    })();
    const response = await answer; // and nothing of its body
    for (let before = -1; connection!.bytesRead !== before; ) {
      before = connection!.bytesRead;
      await sleep(300);
    }
    expect(connection!.bytesRead).toBeLessThan((lines * line.length) / 2);
    const all = await readAll(response);
    await sending;
    expect(all.match(/"score":/g)).toHaveLength(lines);
  });

  it("has a bounded number of lines in flight", async () => {
    const engine = holdEngine();
    const scheduler = createScheduler();
    const { start } = await serve({ engine, scheduler });
    const { sent } = start();
    sent.write('"a"\n'.repeat(1000));
    await until(() => engine.held === 32);
    await sleep(20);
    expect(engine.seen).toBe(32);
    sent.destroy();
  });

  it("that goes away cancels what waits", async () => {
    const engine = holdEngine();
    const scheduler = createScheduler({ width: 1 });
    const { start } = await serve({ engine, scheduler });
    const { sent } = start();
    sent.write('"a"\n'.repeat(10));
    await until(() => scheduler.stats.queued === 9);
    sent.destroy();
    await until(() => scheduler.stats.queued === 0);
    engine.release();
    await until(() => scheduler.stats.running === 0);
    expect(engine.seen).toBe(1);
  });

  it("that sends nothing for too long gets an error in a last line, after its results", async () => {
    const { start } = await serve({ idle: 100 });
    const { sent, answer } = start();
    sent.write('"a"\n"half of a line');
    const lines = (await readAll(await answer)).trim().split("\n").map((line) => JSON.parse(line) as Answer); // biome-ignore format: one
    expect(codes(lines)).toEqual(["scored", "client-idle"]);
  });

  it("may send for longer than the time-out of requests, unlike others", async () => {
    const { app, start } = await serve();
    Object.assign(app.server, { requestTimeout: 300, headersTimeout: 200 });
    const { sent, answer } = start();
    const { sent: hurried } = start({ "content-type": "application/json", "content-length": "100" });
    hurried.flushHeaders();
    const closed = once(hurried, "close");
    for (let i = 0; i < 5; i++) {
      sent.write('"a"\n');
      await sleep(700);
    }
    await closed;
    sent.end();
    expect((await readAll(await answer)).trim().split("\n")).toHaveLength(5);
  }, 20_000);

  it("is told when the server stops: what it sent so far is scored", async () => {
    const { app, start } = await serve();
    const { sent, answer } = start();
    sent.write('"a"\n');
    const response = await answer;
    let all = "";
    response.on("data", (data) => {
      all += data;
    });
    await until(() => all.includes("\n"));
    await app.close();
    const lines = all.trim().split("\n").map((line) => JSON.parse(line) as Answer); // biome-ignore format: one line
    expect(codes(lines)).toEqual(["scored", "closed"]);
  });

  it("shares the memory for bodies with others: a line for which there is none is an error", async () => {
    const limits = { bodyLimit: 200_000, bodiesLimit: 200_000 };
    const { start, post } = await serve(limits);
    const { sent } = start();
    sent.write(`"${"a".repeat(190_000)}`);
    await sleep(50);
    const { lines } = await post(`"${"b ".repeat(95_000)}"\n"a"\n`);
    expect(codes(lines)).toEqual(["bodies-too-large", "scored"]);
    sent.destroy();
  });
});
