import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FastifyInstance, fastify } from "fastify";
import { type Item, parseList } from "structured-headers";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { ReadabilityError } from "../../lib/errors/errors.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { fixedSource, keepLog, sumEngine, wordTokenizer } from "../../test/fakes.js";
import { type AppOptions, buildApp } from "./app.js";
import { openKeys } from "./keys.js";
import { addRateLimit } from "./rate-limit.js";

const folder = mkdtempSync(join(tmpdir(), "guards-"));
const file = join(folder, "keys");
const open: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});
afterAll(() => rmSync(folder, { recursive: true }));

function build(options: Partial<AppOptions> = {}) {
  const { lines, log } = keepLog();
  const app = buildApp({
    source: fixedSource({ engine: sumEngine, tokenizer: wordTokenizer, maxLength: 16, name: "words" }),
    scheduler: createScheduler({ width: 4, maxRequests: 10 }),
    ...{ cacheSize: 0, timeout: 5000, bodyLimit: 100_000, log },
    ...options,
  });
  open.push(app);
  return { app, lines };
}

const score = (app: FastifyInstance, headers: Record<string, string> = {}, url = "/v1/score", text = "a") =>
  app.inject({ method: "POST", url, payload: { text }, headers: { "content-type": "application/json", ...headers } });
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const hash = (key: string) => createHash("sha256").update(key).digest("hex");

describe("API keys", () => {
  const write = (...lines: string[]) => writeFileSync(file, `${lines.join("\n")}\n`);

  it("are asked for by the routes that score, and by no other", async () => {
    write("# keys", "", `${hash("one")}  editors`, `${hash("two").toUpperCase()} bulk jobs `);
    const { app, lines } = build({ keys: openKeys(file, keepLog().log) });
    for (const url of ["/predict", "/v1/score"]) {
      const none = await score(app, {}, url);
      expect(none.json()).toMatchObject({ status: 401, code: "unauthorized", type: "/problems/unauthorized" });
      expect(none.headers["www-authenticate"]).toBe("Bearer");
      expect((await score(app, bearer("wrong"), url)).headers["www-authenticate"]).toBe('Bearer error="invalid_token"');
      expect((await score(app, { authorization: "Basic b25lOg==" }, url)).statusCode).toBe(401);
      for (const key of ["one", "two"]) expect((await score(app, bearer(key), url)).statusCode).toBe(200);
      expect((await score(app, { authorization: "bearer one" }, url)).statusCode).toBe(200);
    }
    expect((await app.inject("/v1/models")).statusCode).toBe(401);
    expect((await score(app, {}, "/v1/compare")).statusCode).toBe(401);
    for (const url of ["/alive", "/ready", "/metrics", "/openapi.json", "/docs", "/problems"])
      expect([url, (await app.inject(url)).statusCode]).toEqual([url, 200]);
    expect(lines.filter((line) => line.includes('"client":"bulk jobs"'))).toHaveLength(2);
    expect(lines.join()).not.toMatch(/"one"|Bearer|wrong/);
  });

  it("are read again when the file changes, unless it is invalid then", async () => {
    write(`${hash("one")} a`);
    const { lines, log } = keepLog();
    const keys = openKeys(file, log);
    write(`${hash("two")} b`, `${hash("one")} c`);
    expect(keys.find("two")).toBeUndefined();
    await keys.poll();
    expect([keys.find("one"), keys.find("two")]).toEqual(["c", "b"]);
    write("secret");
    await keys.poll();
    expect([keys.find("one"), keys.find("two"), keys.find("secret")]).toEqual(["c", "b", undefined]);
    rmSync(file);
    await keys.poll();
    await keys.poll();
    expect(keys.find("one")).toBe("c");
    expect(lines.filter((line) => line.includes("stay as they were"))).toHaveLength(2);
    expect(lines.join()).not.toContain("secret");
  });

  it.each([
    ["a key itself", "my-secret-key editors", 1],
    ["a hash without a name", `${hash("one")} a\n${hash("two")}`, 2],
    ["too short a hash", `${hash("one").slice(1)} a`, 1],
  ])("a file with %s is refused, without quoting it", (_, text, line) => {
    write(text);
    const problem = (() => {
      try {
        return openKeys(file, keepLog().log);
      } catch (error) {
        return error;
      }
    })();
    expect(problem).toBeInstanceOf(ReadabilityError);
    expect(problem).toMatchObject({ code: "bad-keys", message: expect.stringContaining(`line ${line}`) });
    expect((problem as Error).message).not.toContain(text.slice(0, 10));
  });
});

describe("the rate limit", () => {
  /** Reads the headers by RFC 9651. */
  function readLimits(headers: Readonly<Record<string, unknown>>) {
    const [[policy, limits]] = parseList(String(headers["ratelimit-policy"])) as [Item];
    const [[name, left]] = parseList(String(headers.ratelimit)) as [Item];
    return { policy, name, ...Object.fromEntries([...limits, ...left]) } as Record<"policy" | "name", string> &
      Record<"q" | "w" | "r" | "t", number>;
  }

  it("is off by default", async () => {
    const { headers } = await score(build().app);
    expect([headers.ratelimit, headers["ratelimit-policy"]]).toEqual([undefined, undefined]);
  });

  it("refuses what is over it, until Retry-After, and says in every answer what is left", async () => {
    let now = 0;
    const app = fastify();
    open.push(app);
    app.decorateRequest("client");
    app.setErrorHandler((error: ReadabilityError, _, reply) => reply.code(error.status).send(String(error.retryAfter)));
    addRateLimit(app, 2, () => now);
    app.get("/", async () => "here");
    const ask = async (remoteAddress = "10.0.0.1") => {
      const { statusCode, headers, body } = await app.inject({ url: "/", remoteAddress });
      return { status: statusCode, body, ...readLimits(headers) };
    };
    expect(await ask()).toEqual({ status: 200, body: "here", policy: "minute", q: 2, w: 60, name: "minute", r: 1, t: 60 });
    now = 100;
    expect(await ask()).toMatchObject({ status: 200, r: 0, t: 60 });
    expect(await ask("10.0.0.2")).toMatchObject({ status: 200, r: 1, t: 60 }); // another client
    now = 30_500;
    const refused = await ask();
    expect(refused).toMatchObject({ status: 429, r: 0, t: 30, body: "30" });
    now += 1000 * refused.t - 501;
    expect((await ask()).status).toBe(429); // the true time is a little earlier than the whole second
    now += 501;
    expect(await ask()).toMatchObject({ status: 200, r: 1, t: 60 });
  });

  it("counts by key where there are keys, and by no request that has none", async () => {
    writeFileSync(file, `${hash("one")} a\n${hash("two")} b\n`);
    const { app } = build({ keys: openKeys(file, keepLog().log), rateLimit: 1 });
    expect((await score(app)).headers.ratelimit).toBeUndefined();
    expect((await score(app, bearer("one"))).statusCode).toBe(200);
    const refused = await score(app, bearer("one"));
    expect(refused.json()).toMatchObject({ status: 429, code: "rate-limited", detail: expect.stringContaining("More than 1 request") });
    expect(Number(refused.headers["retry-after"])).toBe(readLimits(refused.headers).t);
    expect((await score(app, bearer("two"))).statusCode).toBe(200);
    for (const url of ["/alive", "/ready", "/metrics"]) expect((await app.inject(url)).statusCode).toBe(200);
  });
});
