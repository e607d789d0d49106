import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fakeEngine, holdEngine, sumEngine, sumScore, until, wordTokenizer } from "../../test/fakes.js";
import { meanScore } from "../../test/graphs.js";
import { writeRepository } from "../../test/repositories.js";
import { ReadabilityError } from "../errors/errors.js";
import { loadTokenizer } from "../text/tokenizer.js";
import { createScorer, mostInFlight } from "./create-scorer.js";
import type { Engine } from "./engine.js";
import { loadScorer, type Scorer } from "./load-scorer.js";

const scorerOf = (engine: Engine) => createScorer({ engine, tokenizer: wordTokenizer, maxLength: 64, name: "words" });
const scoreOf = (text: string) => sumScore(wordTokenizer.encode(text));
const shorten = (x: number) => expect.closeTo(x, 5);

describe("loadScorer", () => {
  let folder: string;
  let scorer: Scorer;
  const tables = { intervals: [{ coverage: 0.8, half_width: 0.5 }], percentiles: Array.from({ length: 101 }, (_, i) => i / 10 - 5) };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scorer-"));
    writeRepository(folder, { metadata: tables });
    scorer = await loadScorer({ model: folder, threads: 1 });
  });
  afterAll(async () => {
    await scorer.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("gives the fields of /v1/score", async () => {
    const score = meanScore(loadTokenizer(join(folder, "readability", "1")).encode("the cat sat"));
    const result = await scorer.score("the cat sat");
    expect(result).toEqual({
      score: shorten(score),
      interval: { low: shorten(score - 0.5), high: shorten(score + 0.5), coverage: 0.8 },
      percentile: expect.any(Number),
      grade: null,
      tokens: 3,
      windows: 1,
      warnings: [expect.objectContaining({ code: "too-short" })],
      model: "readability",
      version: 1,
    });
    expect(scorer.name).toBe("readability, version 1");
  });

  it("adds formulas and the effects of sentences on request, and reads long texts on another thread", async () => {
    const text = "The cat sat on the mat. It slept. ".repeat(150);
    const { formulas, windows } = await scorer.score(text, { formulas: true });
    expect(formulas).toMatchObject({ flesch_reading_ease: expect.any(Number) });
    expect(windows).toBeGreaterThan(1);
    const { sentences } = await scorer.score("The cat sat. The mat.", { sentences: true });
    expect(sentences).toMatchObject([
      { start: 0, end: 12, effect: expect.any(Number) },
      { start: 13, end: 21 },
    ]);
  });

  it("says what is wrong with its arguments", async () => {
    await expect(loadScorer({ model: join(folder, "nowhere") })).rejects.toMatchObject({ code: "no-model" });
    await expect(loadScorer({ model: folder, threads: 0 })).rejects.toMatchObject({ code: "bad-argument" });
    await expect(scorer.score(5 as unknown as string)).rejects.toMatchObject({ code: "bad-argument", status: 400 });
  });

  it("is closed by await using, and then refuses texts", async () => {
    let closed: Scorer;
    {
      await using another = await loadScorer({ model: folder, threads: 1 });
      closed = another;
    }
    await expect(closed.score("the cat")).rejects.toMatchObject({ code: "scorer-closed" });
    await closed.close();
  });
});

describe("score", () => {
  it("throws the error of a text, and puts it in its place among others", async () => {
    const scorer = scorerOf(sumEngine);
    await expect(scorer.score(" ")).rejects.toBeInstanceOf(ReadabilityError);
    expect(await scorer.score(["one", " ", "two three"])).toMatchObject([
      { score: shorten(scoreOf("one")) },
      { error: { status: 422, code: "empty-text", detail: expect.stringContaining("blank") } },
      { score: shorten(scoreOf("two three")) },
    ]);
  });

  it("ends with the signal's reason, for one text or several", async () => {
    const engine = holdEngine();
    const scorer = scorerOf(engine);
    const reason = new Error("no longer wanted");
    for (const texts of ["a", ["a", "b"]] as const) {
      const controller = new AbortController();
      const scored = scorer.score(texts as string, { signal: controller.signal });
      await until(() => engine.held > 0);
      controller.abort(reason);
      await expect(scored).rejects.toBe(reason);
      await expect(scorer.score("a", { signal: controller.signal })).rejects.toBe(reason);
      while (engine.held > 0) engine.release();
    }
  });
});

describe("scoreAll", () => {
  it("keeps the order of the input, and the ids", async () => {
    const engine = fakeEngine(async (ids) => {
      await sleep((ids.length * 7919) % 5);
      return sumScore(ids);
    });
    const texts = Array.from({ length: 200 }, (_, id) => ({ id, text: "word ".repeat(1 + ((id * 31) % 40)) }));
    let next = 0;
    for await (const result of scorerOf(engine).scoreAll(texts)) {
      expect(result).toMatchObject({ id: next, score: shorten(scoreOf(texts[next]!.text)) });
      next++;
    }
    expect(next).toBe(200);
  });

  it("reads only a bounded number of texts ahead", async () => {
    let read = 0;
    let returned = false;
    async function* endless() {
      try {
        for (;;) yield `word ${read++}`;
      } finally {
        returned = true;
      }
    }
    let taken = 0;
    for await (const _ of scorerOf(sumEngine).scoreAll(endless())) {
      await sleep(1);
      expect(read - taken).toBeLessThanOrEqual(mostInFlight + 2);
      if (++taken === 100) break;
    }
    await until(() => returned);
  });

  it("gives what is done while the next text is long in coming, and ends at once when it is cancelled", async () => {
    const controller = new AbortController();
    async function* slow() {
      yield "a";
      await new Promise(() => {});
    }
    const results = scorerOf(sumEngine).scoreAll(slow(), { signal: controller.signal });
    expect((await results.next()).value).toMatchObject({ score: shorten(scoreOf("a")) });
    const next = results.next();
    controller.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
  });

  it("goes on after a text that cannot be scored, and gives what was read before the input fails", async () => {
    const answers = [1, Number.NaN, 2];
    const engine = fakeEngine(() => answers.shift() ?? Promise.reject(new Error("model broke")));
    async function* broken() {
      yield* ["a", "b", "c", "d", " "];
      throw new Error("unreadable");
    }
    const found: string[] = [];
    const results = scorerOf(engine).scoreAll(broken());
    await expect(
      (async () => {
        for await (const result of results) found.push("error" in result ? result.error.code : "scored");
      })(),
    ).rejects.toThrow("unreadable");
    expect(found).toEqual(["scored", "bad-score", "scored", "run-failed", "empty-text"]);
  });

  it("takes extras of a text before those of the call", async () => {
    const texts = [{ text: "a cat" }, { text: "a cat", formulas: false }];
    const kept: boolean[] = [];
    for await (const result of scorerOf(sumEngine).scoreAll(texts, { formulas: true })) kept.push("formulas" in result);
    expect(kept).toEqual([true, false]);
  });
});
