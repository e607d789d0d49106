import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { fixedSource, keepLog, sumEngine, wordTokenizer } from "../../test/fakes.js";
import { type AppOptions, buildApp } from "./app.js";

const open: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

function build(options: Partial<AppOptions> = {}): FastifyInstance {
  const app = buildApp({
    source: fixedSource({ engine: sumEngine, tokenizer: wordTokenizer, maxLength: 16, name: "words" }),
    scheduler: createScheduler({ width: 4, maxRequests: 10 }),
    ...{ cacheSize: 0, timeout: 5000, bodyLimit: 100_000, log: keepLog().log },
    ...options,
  });
  open.push(app);
  return app;
}

const json = { "content-type": "application/json" };
const score = (app: FastifyInstance, body: unknown, headers: Record<string, string> = {}, url = "/v1/score") =>
  app.inject({ method: "POST", url, payload: JSON.stringify(body), headers: { ...json, ...headers } });

describe("CORS", () => {
  const origin = "https://example.org";
  const preflight = (app: FastifyInstance, from = origin) =>
    app.inject({
      ...{ method: "OPTIONS", url: "/v1/score" },
      headers: {
        ...{ origin: from, "access-control-request-method": "POST" },
        "access-control-request-headers": "authorization,content-type,traceparent",
      },
    });

  it("lets pages of the named origins send texts, keys and traces", async () => {
    const app = build({ corsOrigin: [origin, "http://localhost:3000"] });
    const { statusCode, headers } = await preflight(app);
    expect(statusCode).toBe(204);
    expect(headers["access-control-allow-origin"]).toBe(origin);
    expect(String(headers["access-control-allow-headers"]).split(/, */)).toEqual(
      expect.arrayContaining(["authorization", "content-type", "traceparent"]),
    );
    expect(headers["access-control-allow-methods"]).toContain("POST");
    const answer = await score(app, { text: "a" }, { origin });
    expect(answer.headers).toMatchObject({ "access-control-allow-origin": origin, vary: expect.stringMatching(/origin/i) });
    expect(answer.headers["access-control-expose-headers"]).toContain("x-request-id");
  });

  it("lets them read errors too, also of routes that do not exist", async () => {
    const app = build({ corsOrigin: ["*"] });
    for (const answer of [
      await score(app, {}, { origin }),
      await score(app, {}, { origin }, "/nowhere"),
      await app.inject({ url: "/predict", headers: { origin } }),
    ]) {
      expect(answer.statusCode).toBeGreaterThanOrEqual(400);
      expect(answer.headers["access-control-allow-origin"]).toBe("*");
    }
  });

  it("is for no other origin, and for none by default", async () => {
    expect((await preflight(build({ corsOrigin: [origin] }), "https://other.org")).headers["access-control-allow-origin"]).not.toBe(
      "https://other.org",
    );
    const off = await preflight(build());
    expect([off.statusCode, off.headers["access-control-allow-origin"]]).toEqual([405, undefined]);
  });
});

describe("security headers", () => {
  it("allow pages nothing but the api's own files and routes", async () => {
    const app = build();
    for (const url of ["/alive", "/problems", "/nowhere"]) {
      const { headers } = await app.inject(url);
      const policy = Object.fromEntries(String(headers["content-security-policy"]).split(/; ?/).map((part) => part.split(/ (.*)/))); // biome-ignore format: one line
      expect(policy).toMatchObject({ "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'" });
      expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "x-frame-options": "SAMEORIGIN" });
      expect(headers["strict-transport-security"]).toBeUndefined();
    }
  });
});

describe("compression", () => {
  const texts = { texts: new Array(50).fill("The cat sat on the mat.") };

  it.each([
    ["br", brotliDecompressSync],
    ["gzip", gunzipSync],
    ["gzip;q=.5, br;q=.1, deflate", gunzipSync],
  ])("answers in %s", async (accepted, decompress) => {
    const app = build();
    const plain = await score(app, texts);
    const answer = await score(app, texts, { "accept-encoding": accepted });
    expect(["br", "gzip"]).toContain(answer.headers["content-encoding"]);
    expect(answer.headers).toMatchObject({ "content-type": "application/json", vary: expect.stringMatching(/accept-encoding/i) });
    expect(decompress(answer.rawPayload).toString()).toBe(plain.body);
    expect(answer.rawPayload.length).toBeLessThan(plain.rawPayload.length / 4);
  });

  it("leaves short answers, lines and /predict as they are, and what the client does not accept", async () => {
    const app = build();
    const accept = { "accept-encoding": "gzip, br" };
    const long = { text: "The cat sat. ".repeat(500) };
    for (const answer of [
      await score(app, { text: "a cat sat" }, accept),
      await score(app, long, accept, "/predict"),
      await score(app, texts, { "accept-encoding": "identity" }),
      await score(app, texts),
      await app.inject({ method: "POST", url: "/v1/score", payload: '"a"\n'.repeat(100), headers: { ...accept, "content-type": "application/jsonl" } }), // biome-ignore format: one line
    ]) {
      expect(answer.statusCode, answer.body).toBe(200);
      expect(answer.headers["content-encoding"]).toBeUndefined();
    }
  });
});
