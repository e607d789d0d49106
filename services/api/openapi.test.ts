import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import type { FastifyInstance, InjectOptions } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errors, failure } from "../../lib/errors/errors.js";
import type { Model } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { fakeEngine, fixedSource, keepLog, sumEngine, wordTokenizer } from "../../test/fakes.js";
import { type AppOptions, buildApp } from "./app.js";
import { listDocumented } from "./problem-schemas.js";
import { compareBody, lineBody, predictBody, scoreBody } from "./schemas.js";

const metadata = {
  intervals: [{ coverage: 0.8, half_width: 0.6 }],
  percentiles: Array.from({ length: 101 }, (_, percent) => percent - 100),
  grades: [
    { score: -100, grade: 12 },
    { score: 0, grade: 2 },
  ],
  ...{ base: "none", precision: "int8", max_length: 16 },
};

type Content = Readonly<Record<string, { readonly schema: object }>>;
interface Operation {
  readonly summary: string;
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Content }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

function build(options: Partial<AppOptions & Model> = {}): FastifyInstance {
  const version = { model: "readability", version: 3, folder: "none", metadata } as unknown as NonNullable<Model["version"]>;
  return buildApp({
    source: fixedSource({ engine: sumEngine, tokenizer: wordTokenizer, maxLength: 16, name: "words", version, ...options }),
    scheduler: createScheduler({ width: 4, maxRequests: 10 }),
    ...{ cacheSize: 10, timeout: 5000, bodyLimit: 10_000, log: keepLog().log },
    ...options,
  });
}

let app: FastifyInstance;
let document: Document;
let ajv: Ajv2020;
beforeAll(async () => {
  app = build();
  document = (await app.inject("/openapi.json")).json();
  ajv = new Ajv2020({ strict: false, allErrors: true }).addSchema(document, "openapi");
});
afterAll(() => app.close());

const pointer = (...keys: string[]) => keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** What is wrong with a value, by a schema in the document. */
function findErrors(value: unknown, ...keys: string[]): unknown {
  const validate = ajv.getSchema(`openapi#${pointer(...keys)}`);
  if (!validate) return `the document has no ${keys.join(" ")}`;
  return validate(value) ? [] : validate.errors;
}

const send = (url: string, body: unknown, options: InjectOptions = {}, to = app) =>
  to.inject({ method: "POST", url, payload: JSON.stringify(body), headers: { "content-type": "application/json" }, ...options });

/** Checks an answer against the document. */
async function check(method: "get" | "post", path: string, answer: Awaited<ReturnType<typeof send>>): Promise<void> {
  const type = String(answer.headers["content-type"]).replace(/;.*/, "");
  const value = type.includes("json") ? answer.json() : answer.body;
  const place = ["paths", path, method, "responses", String(answer.statusCode), "content", type, "schema"];
  expect(findErrors(value, ...place), `${path} ${answer.statusCode} ${answer.body}`).toEqual([]);
}

describe("GET /openapi.json", () => {
  it("is an OpenAPI 3.1 document of every route", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths).sort()).toEqual([
      ...["/alive", "/metrics", "/predict", "/problems", "/problems/{code}", "/ready", "/v1/compare", "/v1/models", "/v1/score"],
    ]);
  });

  it("has a summary of every operation, and a description of every property and error", () => {
    const missing: string[] = [];
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null) return;
      const {
        properties,
        examples: _,
        ...others
      } = value as {
        properties?: Record<string, { description?: string; $ref?: string }>;
        examples?: unknown;
      };
      for (const [name, property] of Object.entries(properties ?? {})) {
        if (!property.description && !property.$ref) missing.push(`${path}.${name}`);
        walk(property, `${path}.${name}`);
      }
      for (const [key, other] of Object.entries(others)) if (key !== "example") walk(other, `${path}/${key}`);
    };
    walk(document, "");
    expect(missing).toEqual([]);
    for (const path of Object.values(document.paths))
      for (const { summary, responses } of Object.values(path)) {
        expect(summary).toMatch(/^[A-Z]/);
        for (const { description } of Object.values(responses)) expect(description).not.toBe("Default Response");
      }
  });

  it("names no schema that does not exist, and has none that nothing names", () => {
    const named = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name!);
    expect([...new Set(named)].sort()).toEqual(Object.keys(document.components.schemas).sort());
  });

  it("has examples that its schemas allow", () => {
    const wrong: unknown[] = [];
    const walk = (value: unknown, keys: string[]): void => {
      if (typeof value !== "object" || value === null) return;
      const { examples } = value as { examples?: unknown };
      if (Array.isArray(examples) && keys.at(-2) !== "examples")
        for (const example of examples) {
          const problems = findErrors(example, ...keys);
          if (JSON.stringify(problems) !== "[]") wrong.push({ keys, example, problems });
        }
      for (const [key, other] of Object.entries(value)) if (key !== "examples") walk(other, [...keys, key]);
    };
    walk(document, []);
    expect(wrong).toEqual([]);
  });
});

describe("answers are as the document says", () => {
  const text = "The cat sat on the mat. It slept.";
  it.each([
    ["/predict", { text }, 200],
    ["/predict", {}, 400],
    ["/predict", { text: " " }, 422],
    ["/predict", { text: "a".repeat(10_001) }, 413],
    ["/v1/score", { text }, 200],
    ["/v1/score", { text, formulas: true, sentences: true, target: { grade: 5 } }, 200],
    ["/v1/score", { text: "Installation", formulas: true, target: { score: 0.25 } }, 200],
    ["/v1/score", { text, target: { grade: 0 } }, 200],
    ["/v1/score", { texts: [text, " ", "words ".repeat(50)] }, 200],
    ["/v1/score", { text, target: {} }, 400],
    ["/v1/score", { text: " " }, 422],
    ["/v1/score", { texts: new Array(101).fill("a") }, 400],
    ["/v1/compare", { before: text, after: `${text} It slept well.` }, 200],
    ["/v1/compare", { before: text, after: text, formulas: true }, 200],
    ["/v1/compare", { before: text }, 400],
    ["/v1/compare", { before: text, after: "" }, 422],
  ])("POST %s, case %#", async (url, body, status) => {
    const answer = await send(url, body);
    expect(answer.statusCode, answer.body).toBe(status);
    await check("post", url, answer);
  });

  it.each(["/predict", "/v1/score", "/v1/compare"])("other errors of %s", async (url) => {
    const body = url === "/v1/compare" ? { before: text, after: text } : { text };
    await check("post", url, await send(url, body, { headers: { "content-type": "text/plain" } }));
    await check("post", url, await send(url, body, { headers: { "content-type": "application/json", "content-encoding": "zstd" } }));
    for (const error of ["overloaded", "timed-out", "server-refused", "session-lost"] as const) {
      const failing = build({ engine: fakeEngine(() => Promise.reject(failure(error as "closed", {}))) });
      const answer = await send(url, body, {}, failing);
      expect(answer.statusCode).toBe(errors[error].status);
      await check("post", url, answer);
      await failing.close();
    }
  });

  it("without tables, and without a version", async () => {
    for (const options of [{ version: undefined }, { version: { model: "m", version: 1, metadata: {} } }]) {
      const bare = build(options as Partial<Model>);
      for (const [url, body] of [
        ["/v1/score", { text, target: { grade: 5 } }],
        ["/v1/score", { text, target: { score: 5 } }],
        ["/v1/compare", { before: text, after: "Another." }],
      ] as const) {
        const answer = await send(url, body, {}, bare);
        expect(answer.statusCode).toBe(200);
        await check("post", url, answer);
      }
      await bare.close();
    }
  });

  it.each(["/alive", "/ready", "/metrics", "/v1/models", "/problems"])("GET %s", async (url) => {
    await check("get", url, await app.inject(url));
  });

  it("GET /problems/{code}", async () => {
    await check("get", "/problems/{code}", await app.inject("/problems/empty-text"));
    await check("get", "/problems/{code}", await app.inject("/problems/no-such"));
  });

  it("GET /ready of a model that is not", async () => {
    const unready = build({ engine: { ...sumEngine, ready: async () => false } });
    await check("get", "/ready", await unready.inject("/ready"));
    await unready.close();
  });
});

describe("bodies are what the document says", () => {
  const { anything, constantFrom, dictionary, oneof, string, boolean, double, record, array } = fc;
  const field = oneof(string(), boolean(), double(), anything(), array(string(), { maxLength: 3 }), record({ grade: double() }), record({ score: double() })); // biome-ignore format: one line
  const names = constantFrom("text", "texts", "formulas", "sentences", "target", "before", "after", "id", "other");
  const bodies = oneof(dictionary(names, field, { maxKeys: 4 }), record({ text: string() }), string(), anything());

  it.each([
    ["/predict", "application/json", predictBody],
    ["/v1/score", "application/json", scoreBody],
    ["/v1/score", "application/x-ndjson", lineBody],
    ["/v1/compare", "application/json", compareBody],
  ])("%s, %s", (path, type, schema) => {
    const place = ["paths", path, "post", "requestBody", "content", type, "schema"];
    fc.assert(
      fc.property(bodies, (body) => {
        const sent = JSON.parse(JSON.stringify(body) ?? "null") as unknown;
        const errors = findErrors(sent, ...place);
        expect(JSON.stringify(errors) === "[]", JSON.stringify([sent, errors])).toBe(schema.safeParse(sent).success);
      }),
      { numRuns: 500 },
    );
  });
});

describe("problems", () => {
  it("have a page each, for browsers and for others", async () => {
    for (const code of listDocumented()) {
      const plain = await app.inject(`/problems/${code}`);
      expect([plain.statusCode, plain.headers["content-type"]]).toEqual([200, "text/plain; charset=utf-8"]);
      expect(plain.body).toContain(`(${code}, HTTP status ${errors[code].status})`);
      const page = await app.inject({ url: `/problems/${code}`, headers: { accept: "text/html,*/*;q=0.8" } });
      expect(page.headers).toMatchObject({ "content-type": "text/html; charset=utf-8", vary: "accept" });
      expect(page.body).toContain(`<code>${code}</code>`);
    }
  });

  it("are listed", async () => {
    const { body } = await app.inject("/problems");
    expect(body).toContain("422 empty-text: The text is empty or blank.\n");
    expect(body).not.toContain("bad-csv");
  });

  it("have pages for errors of the server too, and only for errors", async () => {
    expect((await app.inject("/problems/disk-full")).statusCode).toBe(200);
    expect((await app.inject("/problems/constructor")).json()).toMatchObject({ status: 404, type: "/problems/no-route" });
  });

  it("resolve from every error that a route answers", async () => {
    const { type } = (await send("/predict", { text: " " })).json<{ type: string }>();
    expect((await app.inject(type)).body).toContain("The text is empty or blank.");
  });
});

describe("GET /docs", () => {
  it("is a page whose parts all come from here", async () => {
    const { statusCode, headers, body } = await app.inject("/docs");
    expect([statusCode, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    const parts = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!);
    expect(parts.length).toBeGreaterThan(3);
    for (const url of parts) expect([url, (await app.inject(url)).statusCode]).toEqual([url, 200]);
    expect(body).not.toMatch(/<script>|<style|https?:/);
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
  });
});
