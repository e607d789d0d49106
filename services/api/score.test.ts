import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ModelVersion } from "../../lib/repository/repository.js";
import type { Engine } from "../../lib/serving/engine.js";
import type { Model } from "../../lib/serving/model.js";
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
    return { status: answer.status, type: answer.headers.get("content-type"), body: (await answer.json()) as Answer };
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
    expect(answer).toMatchObject({ status, type: "application/problem+json", body: { type: "about:blank", status, code } });
    expect(answer.body.detail).toContain(detail);
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
        tables: { intervals: true, percentiles: true, grades: true },
      },
    ],
  });
  const { post: _, ...without } = await serve({ version: undefined } as unknown as Partial<Model>);
  expect(await (await fetch(`${without.address}/v1/models`)).json()).toEqual({ models: [] });
});
