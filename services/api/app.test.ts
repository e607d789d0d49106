import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliCompressSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { formatFloat32 } from "../../lib/math/float32.js";
import type { Model } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { normalizeText } from "../../lib/text/normalize.js";
import { fakeEngine, fixedSource, holdEngine, keepLog, sumEngine, sumScore, until, wordTokenizer } from "../../test/fakes.js";
import { createFakeEngine } from "../../test/workers.js";
import { type AppOptions, buildApp } from "./app.js";

const open: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

function build({ engine = sumEngine, maxLength = 16, ...options }: Partial<AppOptions & Model> = {}): FastifyInstance {
  const app = buildApp({
    source: fixedSource({ engine, tokenizer: wordTokenizer, maxLength, name: "words" }),
    scheduler: createScheduler({ width: 4, maxRequests: 10 }),
    cacheSize: 100,
    timeout: 5000,
    bodyLimit: 1 << 20,
    log: keepLog().log,
    ...options,
  });
  open.push(app);
  return app;
}

const predict = (app: FastifyInstance, payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: "POST",
    url: "/predict",
    payload: typeof payload === "string" ? payload : JSON.stringify(payload),
    headers: { "content-type": "application/json", ...headers },
  });

const expected = (text: string) => formatFloat32(sumScore(wordTokenizer.encode(normalizeText(text))));

async function readMetric(app: FastifyInstance, name: string): Promise<string | undefined> {
  const { body } = await app.inject("/metrics");
  return body
    .split("\n")
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length + 1);
}

describe("POST /predict", () => {
  it("answers the text and its score as compact JSON", async () => {
    const answer = await predict(build(), { text: "Some text to score" });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.body).toBe(`["Some text to score",${expected("Some text to score")}]`);
  });

  it("leaves every text unchanged, with or without the cache", async () => {
    const app = build({ maxLength: 1000 });
    const texts = fc.string({ unit: "binary", maxLength: 50 }).map((text) => `${text}x`);
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const first = await predict(app, { text });
        const again = await predict(app, { text });
        expect(JSON.parse(first.body)).toEqual([text, Number(expected(text))]);
        expect(again.body).toBe(first.body);
      }),
    );
  });

  it("survives unpaired surrogates", async () => {
    const answer = await predict(build(), '{"text": "a \\ud800 b \\udc00"}');
    expect(answer.statusCode).toBe(200);
    expect((JSON.parse(answer.body) as [string])[0]).toBe("a \ud800 b \udc00");
  });

  it("ignores other fields and a byte order mark", async () => {
    const answer = await predict(build(), '\ufeff{"lang": 7, "__proto__": {"text": 1}, "constructor": {"prototype": 1}, "text": "a"}');
    expect(answer.body).toBe(`["a",${expected("a")}]`);
  });

  it.each([
    ["an empty text", '{"text": ""}', 422, "empty-text"],
    ["a blank text", '{"text": " \\n\\u00a0\\u200b"}', 422, "empty-text"],
    ["a lone combining mark", '{"text": "\\u0301"}', 422, "empty-text"],
    ["a lone low surrogate", '{"text": "\\udc00"}', 422, "empty-text"],
    ["malformed JSON", '{"text": "a"', 400, "bad-json"],
    ["no body", "", 400, "bad-json"],
    ["300,000 empty objects", `{"text": "a", "x": [${"{},".repeat(300_000)}{}]}`, 400, "bad-json"],
    ["a number", '{"text": 1}', 400, "no-text"],
    ["null", '{"text": null}', 400, "no-text"],
    ["a list", '{"text": ["a"]}', 400, "no-text"],
    ["no text", "{}", 400, "no-text"],
    ["a bare string", '"a"', 400, "no-text"],
    ["a bare list", "[1]", 400, "no-text"],
    ["JSON's null", "null", 400, "no-text"],
  ])("refuses %s", async (_, body, status, code) => {
    const answer = await predict(build(), body);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.json()).toMatchObject({ type: `/problems/${code}`, status, code, request_id: answer.headers["x-request-id"] });
    expect(answer.json()).toHaveProperty("title");
    expect(answer.json()).toHaveProperty("detail");
  });

  it("reads compressed bodies, in any case of the encoding", async () => {
    const body = JSON.stringify({ text: "a b" });
    for (const [encoding, payload] of Object.entries({ GZIP: gzipSync(body), "x-gzip": gzipSync(body), br: brotliCompressSync(body) })) {
      const headers = { "content-type": "application/json", "content-encoding": encoding };
      expect((await build().inject({ method: "POST", url: "/predict", payload, headers })).body).toBe(`["a b",${expected("a b")}]`);
    }
  });

  it("refuses encodings and charsets that it does not read, and what is too large once decompressed", async () => {
    const app = build({ bodyLimit: 1000 });
    const refuse = async (payload: string | Buffer, headers: Record<string, string>) =>
      (await app.inject({ method: "POST", url: "/predict", payload, headers: { "content-type": "application/json", ...headers } })).json();
    const body = JSON.stringify({ text: "a" });
    expect(await refuse(body, { "content-encoding": "zstd" })).toMatchObject({ status: 415, code: "unsupported-encoding" });
    expect(await refuse(body, { "content-encoding": "gzip" })).toMatchObject({ status: 400, code: "bad-compression" });
    const charset = { "content-type": "application/json; charset=ISO-8859-1" };
    expect(await refuse(body, charset)).toMatchObject({ status: 415, code: "unsupported-charset" });
    const bomb = gzipSync(JSON.stringify({ text: "a ".repeat(1000) }));
    expect(await refuse(bomb, { "content-encoding": "gzip" })).toMatchObject({ status: 413, code: "too-large" });
    expect((await predict(app, { text: "a" }, { "content-type": 'application/json; charset="UTF-8"' })).statusCode).toBe(200);
  });

  it("refuses what is not UTF-8", async () => {
    const payload = Buffer.concat([Buffer.from('{"text": "'), Buffer.from([0xe9]), Buffer.from('"}')]);
    const answer = await build().inject({ method: "POST", url: "/predict", payload, headers: { "content-type": "application/json" } });
    expect(answer.json()).toMatchObject({ status: 400, code: "bad-json" });
  });

  it("refuses a body without a type, of another type and over the limit", async () => {
    const app = build({ bodyLimit: 100 });
    expect((await app.inject({ method: "POST", url: "/predict" })).json()).toMatchObject({ status: 400, code: "no-text" });
    expect((await predict(app, "text=a", { "content-type": "text/plain" })).json()).toMatchObject({ status: 415, code: "not-json" });
    expect((await predict(app, { text: "a".repeat(100) })).json()).toMatchObject({ status: 413, code: "too-large" });
  });

  it("scores a text longer than the model reads in windows", async () => {
    const windows: number[] = [];
    const engine = fakeEngine((ids) => {
      windows.push(ids.length);
      return sumScore(ids);
    });
    const answer = await predict(build({ engine }), { text: "word ".repeat(40) });
    expect(answer.statusCode).toBe(200);
    expect(windows.length).toBeGreaterThan(2);
    expect(Math.max(...windows)).toBeLessThanOrEqual(16);
  });

  it("answers 500 and no details when the model fails, and says in the log why", async () => {
    const { lines, log } = keepLog();
    const broken = fakeEngine(() => Promise.reject(new Error("secret path")));
    const answer = await predict(build({ engine: broken, log }), { text: "private words" });
    expect(answer.json()).toMatchObject({ status: 500, code: "internal" });
    expect(answer.body).not.toContain("secret");
    expect(lines.join()).toContain("secret path");
    expect(lines.join()).not.toContain("private words");
    const nan = await predict(build({ engine: fakeEngine(() => Number.NaN) }), { text: "a" });
    expect(nan.json()).toMatchObject({ status: 500, code: "bad-score" });
  });
});

describe("limits", () => {
  it("refuses a request more than it holds, and says when to try again", async () => {
    const engine = holdEngine();
    const app = build({ engine, scheduler: createScheduler({ width: 1, maxRequests: 2 }) });
    const held = [predict(app, { text: "a" }), predict(app, { text: "b" })];
    await until(() => engine.held === 1);
    const refused = await predict(app, { text: "c" });
    expect(refused.json()).toMatchObject({ status: 503, code: "overloaded" });
    expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    for (const answer of held) {
      await until(() => engine.held === 1);
      engine.release();
      expect((await answer).statusCode).toBe(200);
    }
    const next = predict(app, { text: "c" });
    await until(() => engine.held === 1);
    engine.release();
    expect((await next).statusCode).toBe(200);
  });

  it("gives up a request whose time is up, and what it still wanted from the model", async () => {
    const engine = holdEngine();
    const app = build({ engine, scheduler: createScheduler({ width: 1 }), timeout: 30 });
    const running = predict(app, { text: "a" });
    const waiting = predict(app, { text: "b" });
    expect((await running).json()).toMatchObject({ status: 504, code: "timed-out" });
    expect((await waiting).json()).toMatchObject({ status: 504, code: "timed-out" });
    engine.release();
    await sleep(5);
    expect(engine.seen).toBe(1);
    expect(await readMetric(app, "readability_api_in_flight")).toBe("1"); // the request for metrics itself
  });

  it("has one queue with a model of its own process, on which its limit and its deadline act", async () => {
    const { engine, fake } = await createFakeEngine({ workers: 2 });
    const scheduler = createScheduler({ maxRequests: 5 });
    const app = build({ engine, scheduler, timeout: 60_000, cacheSize: 0 });
    const hasty = build({ engine, scheduler, timeout: 20, cacheSize: 0 });
    const finishRuns = () => {
      for (const run of [...fake.runs]) run.finish();
    };
    const accepted = Array.from({ length: 5 }, () => predict(app, { text: "a" }));
    await until(() => scheduler.stats.queued === 3);
    // A fake worker fails when it is given a second text: each worker has one, all others wait in the scheduler.
    expect([fake.runs.length, scheduler.stats.running, engine.free]).toEqual([2, 2, 0]);

    const refused = await predict(app, { text: "b" });
    expect(refused.json()).toMatchObject({ status: 503, code: "overloaded" });
    expect(refused.headers["retry-after"]).toBe("1");
    while (scheduler.stats.done < 5) {
      finishRuns();
      await sleep(1);
    }
    for (const answer of await Promise.all(accepted)) expect(answer.body).toBe('["a",0.5]'); // half the first id

    const late = await Promise.all([1, 2, 3].map(() => predict(hasty, { text: "a" })));
    for (const answer of late) expect(answer.json()).toMatchObject({ status: 504, code: "timed-out" });
    expect(scheduler.stats).toMatchObject({ queued: 0, running: 2, done: 5 }); // a run cannot be interrupted
    const next = predict(app, { text: "a" });
    await until(() => scheduler.stats.queued === 1);
    finishRuns();
    await until(() => fake.runs.length === 1);
    finishRuns();
    expect((await next).statusCode).toBe(200);
    expect(scheduler.stats).toMatchObject({ queued: 0, running: 0, done: 8 });
    await engine.close();
  });

  it("remembers scores up to the cache size", async () => {
    const engine = holdEngine();
    const app = build({ engine, cacheSize: 1 });
    const ask = async (text: string) => {
      const seen = engine.seen;
      let answered = false;
      const answer = predict(app, { text }).finally(() => {
        answered = true;
      });
      while (engine.seen === seen && !answered) await sleep(1);
      engine.release();
      expect((await answer).body).toBe(`["${text}",${expected(text)}]`);
      return engine.seen - seen;
    };
    expect([await ask("a"), await ask("a"), await ask("bb"), await ask("a")]).toEqual([1, 0, 1, 1]);
    expect(await readMetric(app, "readability_api_cache_hits_total")).toBe("1");
    expect(await readMetric(app, "readability_api_cache_misses_total")).toBe("3");
  });
});

describe("another model", () => {
  it("scores with the model that took over, and does not remember scores of the one before", async () => {
    const model = (name: string, factor: number): Model => ({
      engine: fakeEngine((ids) => factor * sumScore(ids)),
      tokenizer: wordTokenizer,
      maxLength: 16,
      name,
    });
    let current = model("old", 1);
    const source = {
      get current() {
        return current;
      },
      use: <R>(work: (model: Model) => Promise<R>) => work(current),
      ready: async () => true,
    };
    const app = build({ source });
    const ask = async () => ((await predict(app, { text: "a b" })).json() as [string, number])[1];
    const scores = [await ask(), await ask()];
    current = model("new", 2);
    scores.push(await ask(), await ask());
    const score = Number(expected("a b"));
    expect(scores).toEqual([score, score, 2 * score, 2 * score]);
    expect(await readMetric(app, "readability_api_cache_hits_total")).toBe("2");
  });
});

describe("other routes", () => {
  it("is alive, and ready when the engine is", async () => {
    let ready: () => Promise<boolean> = async () => true;
    const app = build({ engine: { ...sumEngine, ready: () => ready() } });
    const alive = await app.inject("/alive");
    expect([alive.statusCode, alive.body, alive.headers["content-type"]]).toEqual([200, "true", "application/json"]);
    expect((await app.inject("/ready")).statusCode).toBe(200);
    ready = async () => false;
    expect((await app.inject("/ready")).json()).toMatchObject({ status: 503, code: "not-ready" });
    ready = () => Promise.reject(new Error("no connection"));
    expect((await app.inject("/ready")).statusCode).toBe(503);
  });

  it("is alive and serves, but is not ready, while it stops", async () => {
    const app = build({ stopping: AbortSignal.abort() });
    expect((await app.inject("/alive")).body).toBe("true");
    expect((await app.inject("/ready")).statusCode).toBe(503);
    expect((await predict(app, { text: "a" })).statusCode).toBe(200);
  });

  it("tells wrong methods from unknown paths", async () => {
    const app = build();
    const wrong = await app.inject({ method: "GET", url: "/predict?a=1" });
    expect([wrong.statusCode, wrong.headers.allow, wrong.json().code]).toEqual([405, "POST", "wrong-method"]);
    const typed = await app.inject({ method: "PUT", url: "/predict", payload: "a", headers: { "content-type": "text/plain" } });
    expect(typed.statusCode).toBe(405);
    expect((await app.inject({ method: "DELETE", url: "/alive" })).headers.allow).toBe("GET, HEAD");
    expect((await app.inject("/nowhere")).json()).toMatchObject({ status: 404, code: "no-route" });
    expect((await app.inject("/%")).statusCode).toBeGreaterThanOrEqual(400);
  });

  it("echoes a request id that is fit for a log, and makes one else", async () => {
    const app = build();
    const echo = async (id: string) => (await app.inject({ url: "/alive", headers: { "x-request-id": id } })).headers["x-request-id"];
    expect(await echo("job-7.a:b")).toBe("job-7.a:b");
    expect(await echo("two words")).toMatch(/^[0-9a-f-]{36}$/);
    expect(await echo("x".repeat(200))).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("counts requests by route and status, and times each step", async () => {
    const app = build();
    await predict(app, { text: "one two" });
    await predict(app, { text: "" });
    await app.inject("/nowhere/1");
    const { body, headers } = await app.inject("/metrics");
    expect(headers["content-type"]).toContain("text/plain");
    expect(body).toContain('readability_api_requests_total{route="/predict",status="200"} 1');
    expect(body).toContain('readability_api_requests_total{route="/predict",status="422"} 1');
    expect(body).toContain('readability_api_requests_total{route="other",status="404"} 1');
    expect(body).toContain('readability_api_request_seconds_count{route="/predict"} 2');
    for (const step of ["queue", "tokenize", "inference"]) expect(body).toContain(`readability_api_${step}_seconds_count 1`);
    expect(body).toContain("nodejs_eventloop_lag_seconds");
  });
});

describe("over a socket", () => {
  async function serve(options: Partial<AppOptions & Model> = {}) {
    const app = build(options);
    await app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.server.address() as AddressInfo;
    const post = (body: string | undefined, type = "application/json", signal?: AbortSignal) =>
      fetch(`http://127.0.0.1:${port}/predict`, {
        method: "POST",
        headers: { "content-type": type },
        ...(body === undefined ? {} : { body }),
        ...(signal && { signal }),
      });
    return { app, port, post };
  }

  it("answers good and bad requests", async () => {
    const { post } = await serve();
    expect(await (await post('{"text": "a b"}')).text()).toBe(`["a b",${expected("a b")}]`);
    expect((await post(JSON.stringify({ text: "word ".repeat(2_000_000) }))).status).toBe(413);
    expect((await post(undefined)).status).toBe(400);
    expect((await post("a", "text/plain")).status).toBe(415);
    expect((await post('{"text": ""}')).status).toBe(422);
    expect((await post('{"text": "a b"}')).status).toBe(200);
  });

  it("refuses 10 MB that come without a length", async () => {
    const { port } = await serve();
    const piece = new TextEncoder().encode("word ".repeat(20_000));
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (sent++ < 100) controller.enqueue(piece);
        else controller.close();
      },
    });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`http://127.0.0.1:${port}/predict`, { method: "POST", headers, body, duplex: "half" } as RequestInit);
    expect(answer.status).toBe(413);
  });

  it("drops the waiting text of a client that went away", async () => {
    const engine = holdEngine();
    const { lines, log } = keepLog();
    const scheduler = createScheduler({ width: 1 });
    const { app, post } = await serve({ engine, scheduler, log });
    const first = post('{"text": "first"}');
    await until(() => engine.held === 1);
    const controller = new AbortController();
    const gone = post('{"text": "gone"}', "application/json", controller.signal);
    await until(() => scheduler.stats.queued === 1);
    controller.abort();
    await expect(gone).rejects.toThrow();
    await until(() => lines.some((line) => line.includes('"status":499')));
    engine.release();
    expect(await (await first).text()).toBe(`["first",${expected("first")}]`);
    expect(scheduler.stats).toMatchObject({ queued: 0, done: 1 });
    expect(engine.seen).toBe(1);
    expect(await readMetric(app, 'readability_api_requests_total{route="/predict",status="499"}')).toBe("1");
  });

  it("does not wait for connections on which no request came or none will", async () => {
    const { app, port, post } = await serve({ timeout: 60_000 });
    await (await post('{"text": "kept alive"}')).text();
    const silent = connect(port, "127.0.0.1");
    await once(silent, "connect");
    const ended = once(silent, "close");
    silent.on("error", () => {});
    expect(app.server.listening).toBe(true);
    await app.close();
    await ended;
    expect([app.server.listening, silent.bytesRead]).toEqual([false, 0]);
  });

  it("cuts off a client that is still sending when the time of an accepted request is over", async () => {
    const { app, port } = await serve({ timeout: 50 });
    const slow = connect(port, "127.0.0.1");
    const ended = once(slow, "close");
    slow.on("error", () => {});
    slow.write("POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
    const requests = async () => Number(await readMetric(app, "readability_api_in_flight"));
    while ((await requests()) < 2) await sleep(1); // its headers are here; the other is the request for metrics itself
    await app.close();
    await ended;
    expect([app.server.listening, slow.bytesRead]).toEqual([false, 0]);
  });

  it("answers what it accepted before it closes", async () => {
    const engine = holdEngine();
    const { app, port, post } = await serve({ engine });
    const accepted = post('{"text": "accepted"}');
    await until(() => engine.held === 1);
    let closed = false;
    const closing = app.close().then(() => {
      closed = true;
    });
    await sleep(20);
    expect(closed).toBe(false);
    const late = connect(port, "127.0.0.1");
    await expect(once(late, "connect")).rejects.toThrow("ECONNREFUSED");
    engine.release();
    expect(await (await accepted).text()).toBe(`["accepted",${expected("accepted")}]`);
    await closing;
  });
});
