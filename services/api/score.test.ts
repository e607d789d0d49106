import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ModelVersion } from "../../lib/repository/repository.js";
import type { Engine } from "../../lib/serving/engine.js";
import type { Model } from "../../lib/serving/model.js";
import { noiseFloor } from "../../lib/serving/noise-floor.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { describeText } from "../../lib/text/warnings.js";
import { fakeEngine, fixedSource, keepLog, sumScore, wordTokenizer } from "../../test/fakes.js";
import { writeRepository } from "../../test/repositories.js";
import { type AppOptions, buildApp } from "./app.js";

const tables = {
  intervals: [
    { coverage: 0.9, half_width: 2 },
    { coverage: 0.95, half_width: 4 },
  ],
  percentiles: Array.from({ length: 101 }, (_, percent) => percent - 100),
  grades: [
    { score: -100, grade: 12 },
    { score: 0, grade: 2 },
  ],
  data: { fingerprint: "none", rows: 2834 },
  validation_rmse: 0.55,
};

let folder: string;
let version: ModelVersion;
const open: FastifyInstance[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "api-score-"));
  version = writeRepository(folder, { version: 3, metadata: tables });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Serves words of one token each; counts the windows that its engine runs. */
async function serve(options: Partial<AppOptions & Model> = {}) {
  const counts = { runs: 0 };
  const engine: Engine = fakeEngine((ids) => {
    counts.runs++;
    return sumScore(ids);
  });
  const model = { engine, tokenizer: wordTokenizer, maxLength: 16, name: "words", version, ...options };
  const app = buildApp({
    source: fixedSource(model),
    scheduler: createScheduler({ width: 4, maxRequests: 10 }),
    cacheSize: 0,
    timeout: 5000,
    bodyLimit: 1 << 20,
    log: keepLog().log,
    ...options,
  });
  open.push(app);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const post = async (body: unknown, path = "/v1/score") => {
    const sent = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(address + path, { method: "POST", headers: { "content-type": "application/json" }, body: sent });
    return {
      headers: answer.headers,
      status: answer.status,
      type: answer.headers.get("content-type"),
      body: (await answer.json()) as Answer,
    };
  };
  return { counts, address, post };
}

/** What an answer may hold. */
interface Answer {
  readonly score: number;
  readonly interval: { readonly coverage: number };
  readonly formulas: Readonly<Record<string, number | null>>;
  readonly sentences: readonly { readonly start: number; readonly end: number; readonly effect: number | null }[];
  readonly results: readonly unknown[];
  readonly target: unknown;
  readonly before: object;
  readonly after: object;
  readonly difference: { readonly score: number; readonly interval: { readonly low: number; readonly high: number } };
  readonly detail: string;
}

const shorten = (x: number) => expect.closeTo(x, 5);
const scoreOf = (text: string) => sumScore(wordTokenizer.encode(text));

describe("POST /v1/score", () => {
  it("says what the score of a text means", async () => {
    const { post } = await serve();
    const text = "The cat sat on the mat.";
    const score = scoreOf(text);
    const { status, type, body } = await post({ text });
    expect([status, type]).toEqual([200, "application/json"]);
    expect(body).toEqual({
      score: shorten(score),
      interval: { low: shorten(score - 2), high: shorten(score + 2), coverage: 0.9 },
      percentile: shorten(Math.round((score + 100) * 10) / 10),
      grade: {
        low: shorten(Math.round((2 - 0.1 * (score + 2)) * 10) / 10),
        high: shorten(Math.round((2 - 0.1 * (score - 2)) * 10) / 10),
        basis: expect.stringContaining("Flesch-Kincaid"),
      },
      tokens: 6,
      windows: 1,
      warnings: describeText(text),
      model: "readability",
      version: 3,
    });
    expect((await post({ text }, "/predict")).body).toEqual([text, body.score]);
  });

  it("has null for what a version does not tell", async () => {
    const { post } = await serve({
      version: { ...version, metadata: { ...version.metadata, intervals: undefined, percentiles: undefined } },
    });
    expect((await post({ text: "a cat" })).body).toMatchObject({ interval: null, percentile: null, grade: null, version: 3 });
  });

  it("computes the formulas on request", async () => {
    const { post } = await serve();
    const { body } = await post({ text: "The cat sat on the mat. A ﬁsh swam.", formulas: true });
    expect(body.formulas).toEqual({
      flesch_reading_ease: expect.any(Number),
      flesch_kincaid_grade: expect.any(Number),
      smog: expect.any(Number),
      gunning_fog: expect.any(Number),
      coleman_liau: expect.any(Number),
      automated_readability: expect.any(Number),
      dale_chall: expect.any(Number),
    });
    expect((await post({ text: "Installation", formulas: true })).body.formulas.smog).toBeNull();
  });

  it("computes on request how much the score rises without each sentence", async () => {
    const { post, counts } = await serve({ maxLength: 100 });
    const text = "The ﬁrst one.\r\nA sec-\r\nond one follows! Last?";
    const { body } = await post({ text, sentences: true });
    const whole = scoreOf("The first one. A second one follows! Last?");
    const rests = ["A second one follows! Last?", "The first one. Last?", "The first one. A second one follows!"];
    expect(body.sentences.map(({ start, end }) => text.slice(start, end))).toEqual([
      "The ﬁrst one.",
      "A sec-\r\nond one follows!",
      "Last?",
    ]);
    expect(body.sentences.map(({ effect }) => effect)).toEqual(rests.map((rest) => shorten(scoreOf(rest) - whole)));
    expect(counts.runs).toBe(4);
    expect((await post({ text: "Only one.", sentences: true })).body.sentences).toEqual([{ start: 0, end: 9, effect: null }]);
  });

  it("refuses the effects of too many sentences", async () => {
    const { post } = await serve();
    expect(await post({ text: "A cat sat. ".repeat(61), sentences: true })).toMatchObject({
      status: 422,
      type: "application/problem+json",
      body: { code: "too-many-sentences", detail: expect.stringContaining("61 sentences") },
    });
    expect((await post({ text: "A cat sat. ".repeat(60), sentences: true })).body.sentences).toHaveLength(60);
    expect((await post({ texts: new Array(11).fill("A cat."), sentences: true })).body).toMatchObject({
      code: "batch-too-large",
      detail: "The request has 11 texts; the limit is 10. Split it.",
    });
  });

  it("scores several texts in their order, and says which of them cannot be scored", async () => {
    const { post } = await serve();
    const texts = ["a b", "\u0301", "word ".repeat(40), "a", " "];
    const { status, body } = await post({ texts });
    expect(status).toBe(200);
    const empty = { error: { status: 422, code: "empty-text", detail: expect.stringContaining("empty or blank") } };
    expect(body.results).toMatchObject([
      { score: shorten(scoreOf("a b")), tokens: 2, windows: 1 },
      empty,
      { tokens: 40, windows: 3 },
      { score: shorten(scoreOf("a")) },
      empty,
    ]);
    expect(body.results[1]).toEqual(empty);
    expect((await post({ texts: ["a"] })).body.results).toHaveLength(1);
  });

  it.each([
    ["no body", "", 400, "bad-json", ""],
    ["malformed JSON", "{", 400, "bad-json", ""],
    ["a list", "[]", 400, "bad-score-request", "the body must be an object, found an array"],
    ["20,000 texts that are none", `{"texts": [${"1,".repeat(20_000)}1]}`, 400, "bad-score-request", "texts must have at most 10000 items"],
    ["neither", "{}", 400, "bad-score-request", "the body must have text or texts"],
    ["both", '{"text": "a", "texts": ["a"]}', 400, "bad-score-request", "the body must have text or texts"],
    ["a number", '{"text": 1}', 400, "bad-score-request", "text must be a string, found 1"],
    ["a bad text among others", '{"texts": ["a", null]}', 400, "bad-score-request", "texts[1] must be a string, found null"],
    ["no texts", '{"texts": []}', 400, "bad-score-request", "texts must have a length of at least 1"],
    ["an unknown field", '{"text": "a", "formula": true}', 400, "bad-score-request", "the body must not have formula"],
    [
      "formulas that are no switch",
      '{"text": "a", "formulas": "yes"}',
      400,
      "bad-score-request",
      'formulas must be true or false, found "yes"',
    ],
    ["too many texts", JSON.stringify({ texts: new Array(101).fill("a") }), 400, "batch-too-large", "101 texts; the limit is 100"],
    ["a blank text", '{"text": " "}', 422, "empty-text", ""],
    ["a lone low surrogate", '{"text": "\\udc00"}', 422, "empty-text", ""],
  ])("refuses %s", async (_, body, status, code, detail) => {
    const { post } = await serve();
    const answer = await post(body);
    expect(answer).toMatchObject({ status, type: "application/problem+json", body: { type: `/problems/${code}`, status, code } });
    expect(answer.body.detail).toContain(detail);
  });

  it("says whether a text suits a target", async () => {
    const { post } = await serve();
    const text = "The cat sat on the mat.";
    const score = scoreOf(text);
    const judge = async (target: object) => (await post({ text, target })).body.target;
    expect(await judge({ score: -50 })).toEqual({ score: -50, suits: "yes", difference: shorten(score + 50), confidence: 0.975 });
    expect(await judge({ score })).toEqual({ score: shorten(score), suits: "unsure", difference: shorten(0), confidence: null });
    expect(await judge({ score: score + 3 })).toMatchObject({ suits: "no", confidence: 0.95 });
    expect(await judge({ grade: 7 })).toMatchObject({ score: -50, suits: "yes" }); // halfway in the table
    expect(await judge({ grade: 1 })).toEqual({ score: null, suits: null, difference: null, confidence: null });
    expect((await post({ text: "1 2 3 4 5 6 7 8", target: { grade: 7 } })).body.target).toMatchObject({ suits: null });
  });

  it.each([
    ["neither grade nor score", {}],
    ["both", { grade: 1, score: 1 }],
    ["a text", { grade: "5" }],
    ["no object", 5],
    ["no finite number", { grade: 1e300 }],
  ])("refuses a target that is %s", async (_, target) => {
    const { post } = await serve();
    const { body } = await post({ text: "a", target });
    expect(body).toMatchObject({
      code: "bad-score-request",
      detail: expect.stringMatching(/target must be an object with grade or score|target.grade must be at most/),
    });
  });

  it("answers 405 to GET", async () => {
    const { address } = await serve();
    const answer = await fetch(`${address}/v1/score`);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("shares its cache with /predict, by the original text; what is known without the model is not cached", async () => {
    const { post, counts } = await serve({ cacheSize: 10 });
    const text = "The ﬁsh swam.";
    await post({ text }, "/predict");
    const { body } = await post({ text, formulas: true });
    expect(body).toMatchObject({ score: shorten(scoreOf("The fish swam.")), tokens: 3, warnings: [{ code: "too-short" }] });
    expect(body.interval.coverage).toBe(0.9);
    expect(body.formulas.smog).toEqual(expect.any(Number));
    await post({ texts: [text, text] });
    await post({ text }, "/predict");
    expect(counts.runs).toBe(1);
    await post({ text: "The fish swam." });
    expect(counts.runs).toBe(2); // another original text
    await post({ text: "One a. Two b.", sentences: true });
    await post({ text: "One a. Two b.", sentences: true });
    expect(counts.runs).toBe(2 + 3 + 2); // scores without a sentence are not remembered
  });
});

describe("POST /v1/compare", () => {
  const before = "The cat sat on the mat because it was rather tired.";
  const after = "The cat sat on the mat because it was tired.";

  it("gives both results, and the difference with a paired interval", async () => {
    const { post } = await serve();
    const { status, body } = await post({ before, after, formulas: true }, "/v1/compare");
    expect(status).toBe(200);
    expect(body.before).toEqual((await post({ text: before, formulas: true })).body);
    expect(body.after).toEqual((await post({ text: after, formulas: true })).body);
    const score = scoreOf(after) - scoreOf(before);
    const half = 2 * Math.sqrt(2 / 21); // of 11 and 10 tokens, one is not shared
    expect(body.difference).toEqual({
      score: shorten(score),
      interval: { low: shorten(score - half), high: shorten(score + half), coverage: 0.9 },
    });
  });

  it("is exactly 0 for the same text, and for what reads the same", async () => {
    const { post } = await serve();
    const nothing = { score: 0, interval: { low: 0, high: 0, coverage: 0.9 } };
    expect((await post({ before, after: before }, "/v1/compare")).body.difference).toEqual(nothing);
    expect((await post({ before, after: before.replaceAll(" ", "  ") }, "/v1/compare")).body.difference).toEqual(nothing);
  });

  it("compares long texts by all their windows", async () => {
    const { post } = await serve();
    const words = Array.from({ length: 3000 }, (_, i) => "x".repeat(1 + ((i * 7) % 11)));
    const { body } = await post({ before: words.join(" "), after: words.with(1500, "y".repeat(20)).join(" ") }, "/v1/compare");
    expect(body.before).toMatchObject({ tokens: 3000, windows: 215 });
    const { interval, score } = body.difference;
    expect(interval.high - score).toBeCloseTo(Math.max(noiseFloor, 2 * Math.sqrt(2 / 3000)), 4);
  });

  it.each([
    ["one text", { before }, 400, "bad-compare-request", "after is missing"],
    ["an unknown field", { before, after, texts: [] }, 400, "bad-compare-request", "the body must not have texts"],
    ["an empty text", { before, after: " " }, 422, "empty-text", "The text is empty"],
  ])("refuses %s", async (_, body, status, code, detail) => {
    const { post } = await serve();
    const answer = await post(body, "/v1/compare");
    expect(answer).toMatchObject({ status, body: { status, code, detail: expect.stringContaining(detail) } });
  });
});

describe("headers", () => {
  it.each([
    ["/predict", { text: "a cat" }],
    ["/v1/score", { text: "a cat" }],
    ["/v1/score", { text: " " }],
    ["/v1/compare", { before: "a cat", after: "a dog" }],
  ])("%s says how long each phase took: they add up to the total", async (path, body) => {
    const { post } = await serve();
    const { headers } = await post(body, path);
    const phases = [...headers.get("server-timing")!.matchAll(/(\w+);dur=(\d+\.\d+)/g)].map(
      ([, name, time]) => [name!, Number(time)] as const,
    );
    expect(phases.map(([name]) => name)).toEqual(["queue", "tokenize", "inference", "other", "total"]);
    const sum = phases.slice(0, -1).reduce((sum, [, time]) => sum + time, 0);
    expect(Math.abs(sum - phases.at(-1)![1])).toBeLessThan(0.1);
  });

  it("say whether every score was remembered, if there is a cache", async () => {
    const { post } = await serve({ cacheSize: 10 });
    const ask = async (path: string, body: object) => (await post(body, path)).headers.get("x-cache");
    expect(await ask("/predict", { text: "a" })).toBe("miss");
    expect(await ask("/predict", { text: "a" })).toBe("hit");
    expect(await ask("/v1/score", { texts: ["a", "b"] })).toBe("miss");
    expect(await ask("/v1/score", { texts: ["a", "b"] })).toBe("hit");
    expect(await ask("/v1/score", {})).toBeNull();
    const without = await serve();
    expect((await without.post({ text: "a" })).headers.get("x-cache")).toBeNull();
  });

  it("carry the client's trace on, to the engine and into the log", async () => {
    const traces: unknown[] = [];
    const engine: Engine = {
      ...fakeEngine(sumScore),
      run: async (_, { traceparent }) => {
        traces.push(traceparent);
        return { logit: 1, seconds: 0 };
      },
    };
    const { lines, log } = keepLog();
    const { address } = await serve({ engine, log });
    const ask = async (traceparent: string) => {
      const headers = { "content-type": "application/json", traceparent };
      return (await fetch(`${address}/v1/score`, { method: "POST", headers, body: '{"text": "a"}' })).headers.get("traceparent");
    };
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    expect([await ask(trace), await ask("no trace")]).toEqual([trace, null]);
    expect(traces).toEqual([trace, undefined]);
    expect(lines.filter((line) => line.includes(trace))).toHaveLength(1);
  });
});

describe("a text that takes too long", () => {
  /** An engine whose windows claim a second each, so that four of them run a second. */
  const slow = (score: (ids: readonly number[]) => number): Engine => ({
    ...fakeEngine(score),
    run: async (ids) => ({ logit: score(Array.from(ids)), seconds: 1 }),
  });

  it.each(["/predict", "/v1/score"])("is refused by %s after its first windows, and before it is read the next time", async (path) => {
    let runs = 0;
    let characters = 0;
    const count = (text: string) => {
      characters += text.length;
      return text;
    };
    const tokenizer = {
      ...wordTokenizer,
      encode: (text: string) => wordTokenizer.encode(count(text)),
      countTokens: (text: string) => wordTokenizer.countTokens(count(text)),
    };
    const engine = slow((ids) => {
      runs++;
      return sumScore(ids);
    });
    const { post } = await serve({ engine, tokenizer, timeout: 30_000 });
    const text = "word ".repeat(10_000); // 715 windows of 14 words: 179 s
    const refused = await post({ text }, path);
    expect(refused).toMatchObject({ status: 413, type: "application/problem+json", body: { code: "text-too-long" } });
    expect(refused.body.detail).toMatch(/^The request has 10000 tokens to score; this server scores about 1500 in 30 s,/);
    expect(runs).toBe(32);
    characters = 0;
    const again = await post({ text }, path);
    expect(again.body.detail).toMatch(/^The request has more than 1500 tokens to score;/);
    expect([runs, characters < 10_000]).toEqual([32, true]);
    expect((await post({ text: "word ".repeat(1400) }, path)).status).toBe(200);
  });
});

it("GET /v1/models lists the version that scores, and what its metadata tells", async () => {
  const { address } = await serve();
  expect(await (await fetch(`${address}/v1/models`)).json()).toEqual({
    models: [
      {
        model: "readability",
        version: 3,
        base: "none",
        precision: "int8",
        max_length: 16,
        passages: 2834,
        validation_rmse: 0.55,
        scale: { percentiles: tables.percentiles, grades: tables.grades },
        tables: { intervals: true, percentiles: true, grades: true },
      },
    ],
  });
  const { post: _, ...without } = await serve({ version: undefined } as unknown as Partial<Model>);
  expect(await (await fetch(`${without.address}/v1/models`)).json()).toEqual({ models: [] });
});
