import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { formatFloat32 } from "../../lib/math/float32.js";
import { createScorer } from "../../lib/serving/create-scorer.js";
import type { Engine } from "../../lib/serving/engine.js";
import type { ScoreResult } from "../../lib/serving/result-types.js";
import { fakeEngine, holdEngine, sumEngine, sumScore, until, wordTokenizer } from "../../test/fakes.js";
import type { InputRecord } from "./records.js";
import { formatLine, judge, scoreRecords } from "./scores.js";

const scorerOf = (engine: Engine) => createScorer({ engine, tokenizer: wordTokenizer, maxLength: 64, name: "words" });

/** Writes a line a record, as the command does. */
async function writeScores(records: AsyncIterable<InputRecord>, engine: Engine, write: (line: string) => Promise<void>) {
  for await (const outcome of scoreRecords(records, scorerOf(engine), {})) await write(formatLine(outcome, false));
}
const expected = (text: string) => formatFloat32(sumScore(wordTokenizer.encode(text)));

async function* list(records: readonly InputRecord[]): AsyncGenerator<InputRecord> {
  yield* records;
}

/** The lines that were written, without their warnings. */
function keepLines() {
  const lines: string[] = [];
  return { lines, write: async (line: string) => void lines.push(line.replace(/,"warnings":.*(?=\}\n)/, "")) };
}

describe("scoreRecords", () => {
  it("writes a line a record: its score, or what is wrong", async () => {
    const { lines, write } = keepLines();
    const records = list([{ text: "one two" }, { id: "b", text: " " }, { id: 3, problem: "line 3 is odd" }, { id: 'q"', text: "x" }]);
    await writeScores(records, sumEngine, write);
    expect(lines).toEqual([
      `{"score":${expected("one two")}}\n`,
      `{"id":"b","error":"The text is empty or blank. Send at least one word."}\n`,
      `{"id":3,"error":"line 3 is odd"}\n`,
      `{"id":"q\\"","score":${expected("x")}}\n`,
    ]);
  });

  it("keeps the order of the input, whichever is scored first", async () => {
    const { lines, write } = keepLines();
    const engine = fakeEngine(async (ids) => {
      await sleep((ids.length * 7919) % 5);
      return sumScore(ids);
    });
    const all = Array.from({ length: 300 }, (_, i) => "word ".repeat(1 + ((i * 31) % 40)));
    await writeScores(list(all.map((text) => ({ text }))), engine, write);
    expect(lines).toEqual(all.map((text) => `{"score":${expected(text)}}\n`));
  });

  it("reads only a bounded number of records ahead of a slow reader", async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<InputRecord> {
      for (;;) yield { text: `word ${read++}` };
    }
    let written = 0;
    const write = async () => {
      if (++written === 200) throw new Error("enough");
      await sleep(1);
      expect(read - written).toBeLessThanOrEqual(66);
    };
    await expect(writeScores(endless(), sumEngine, write)).rejects.toThrow("enough");
  });

  it("keeps the engine busy, and writes what is done while the next record is long in coming", async () => {
    const { lines, write } = keepLines();
    const engine = holdEngine();
    let send = () => {};
    async function* slow(): AsyncGenerator<InputRecord> {
      for (const text of ["a", "b", "c"]) yield { text };
      await new Promise<void>((resolve) => {
        send = resolve;
      });
      yield { text: "d" };
    }
    const done = writeScores(slow(), engine, write);
    await until(() => engine.held === 3);
    for (let i = 0; i < 3; i++) engine.release();
    await until(() => lines.length === 3);
    send();
    await until(() => engine.held === 1);
    engine.release();
    await done;
    expect(lines).toHaveLength(4);
  });

  it("writes what was read before the input fails", async () => {
    const { lines, write } = keepLines();
    async function* broken(): AsyncGenerator<InputRecord> {
      yield { text: "a" };
      throw new Error("unreadable");
    }
    await expect(writeScores(broken(), sumEngine, write)).rejects.toThrow("unreadable");
    expect(lines).toEqual([`{"score":${expected("a")}}\n`]);
  });

  it("goes on after a text that the model fails on", async () => {
    const { lines, write } = keepLines();
    const scores = [1, Number.NaN, 2];
    const engine = fakeEngine(() => scores.shift() ?? Promise.reject(new Error("model broke")));
    await writeScores(list([{ text: "a" }, { text: "b" }, { text: "c" }, { text: "d" }]), engine, write);
    expect(lines.map((line) => Object.keys(JSON.parse(line) as object))).toEqual([["score"], ["error"], ["score"], ["error"]]);
  });

  it("adds the warnings of a text to its line", async () => {
    const lines: string[] = [];
    const prose = "When the rain had stopped, the children went out of the house and down to the river, where the boats were. ".repeat(2);
    const other = prose.replace("rain", "storm").replace("river", "harbour");
    const records = list([{ text: "a short one" }, { text: prose.slice(0, 105) + other }, { id: "b", text: "another one" }, { text: " " }]);
    await writeScores(records, sumEngine, async (line) => void lines.push(line));
    const [first, second, third, blank] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const warning = { code: "too-short", message: expect.stringContaining("This is short.") };
    expect(first).toEqual({ score: Number(expected("a short one")), warnings: [warning] });
    expect(Object.keys(second!)).toEqual(["score"]);
    expect(third).toMatchObject({ id: "b", warnings: [warning] });
    expect(Object.keys(blank!)).toEqual(["error"]);
  });

  it("reads a text as the other doors do: normalized, and refused without tokens", async () => {
    const { lines, write } = keepLines();
    const records = list([{ text: "the ﬁ\u00adsh" }, { text: "\u0301" }, { text: "\udc00" }]);
    await writeScores(records, sumEngine, write);
    expect(lines.map((line) => Object.keys(JSON.parse(line) as object)[0])).toEqual(["score", "error", "error"]);
    expect(lines[0]).toBe(`{"score":${expected("the fish")}}\n`);
  });
});

describe("formatLine", () => {
  it("has every field on request, and the file of several", async () => {
    const found = await scorerOf(sumEngine).score("one two");
    const record = { file: "a.txt", id: 1, text: "one two" };
    expect(JSON.parse(formatLine({ record, result: found }, true))).toEqual({ file: "a.txt", id: 1, ...found });
    const result = { error: { status: 422, code: "empty-text", detail: "Blank." } };
    expect(JSON.parse(formatLine({ record, result }, true))).toEqual({ file: "a.txt", id: 1, ...result });
    expect(JSON.parse(formatLine({ record, result }, false))).toEqual({ file: "a.txt", id: 1, error: "Blank." });
  });
});

describe("judge", () => {
  const result = { score: -1, grade: { low: 6, high: 9, basis: "" } } as ScoreResult;

  it("says why a text is too hard", () => {
    expect(judge(result, {})).toBeUndefined();
    expect(judge(result, { minScore: -1, maxGrade: 7.5 })).toBeUndefined();
    expect(judge(result, { minScore: -0.5 })).toBe("its score -1 is below -0.5");
    expect(judge(result, { maxGrade: 7 })).toBe("its school grade 7.5 is above 7");
    expect(judge({ ...result, grade: null }, { maxGrade: 12 })).toBe("it has no school grade");
  });
});
