import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "../../lib/cli/log.js";
import { parseOptions } from "../../lib/cli/options.js";
import { splitPassages } from "../../lib/data/split.js";
import { createRandom } from "../../lib/math/random.js";
import { mean } from "../../lib/math/statistics.js";
import { openModel } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { scoreText } from "../../lib/serving/score-text.js";
import { splitSentences } from "../../lib/text/sentences.js";
import { createTinyTraining, type TinyTraining } from "../../test/tiny-training.js";
import { type Data, readData } from "./data.js";
import { fillSettings, options, type Settings } from "./options.js";
import { consultTeacher, drawWindows } from "./teacher.js";
import { scoreByTeacher } from "./teacher-scores.js";
import { pickTrainingExamples } from "./training-examples.js";

let tiny: TinyTraining;
let teacher: string;
let data: Data;
const log = createLog("test", { READABILITY_LOG_LEVEL: "silent" });
const settingsOf = (...argv: string[]): Settings =>
  fillSettings(
    parseOptions(
      "train",
      options,
      ["--data", tiny.data, "--out", tiny.path("asked"), "--base", tiny.base, "--max-length", "32", ...argv],
      {},
    ),
  );

beforeAll(async () => {
  tiny = createTinyTraining();
  teacher = tiny.path("teacher");
  await tiny.run("teacher", "--lr", "0.02", "--epochs", "4");
  data = await readData(settingsOf(), log);
});
afterAll(() => tiny.remove());

const sides = () => {
  const { train, validation } = splitPassages(data.passages, 0.1, 0);
  return { trained: train, held: validation };
};

describe("drawWindows", () => {
  it("draws different runs of whole sentences, each shorter than the text", () => {
    const sentences = fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(sentences, fc.integer({ min: 0, max: 60 }), fc.nat(), (numbers, count, seed) => {
        const texts = numbers.map((n, i) => `Sentence ${i} says ${n}.`);
        const whole = texts.join(" ");
        const windows = drawWindows(whole, count, createRandom(seed));
        const possible = (texts.length * (texts.length + 1)) / 2 - 1;
        expect(windows).toHaveLength(Math.min(count, possible));
        expect(new Set(windows).size).toBe(windows.length);
        for (const window of windows) {
          expect(whole).toContain(window);
          expect(window.length).toBeLessThan(whole.length);
          for (const sentence of splitSentences(window)) expect(texts).toContain(sentence.trim());
        }
        expect(drawWindows(whole, count, createRandom(seed))).toEqual(windows);
      }),
    );
  });
});

describe("a teacher", () => {
  it("that is a checkpoint scores passages and windows as score does, and windows come of passages trained on alone", async () => {
    const settings = settingsOf("--teacher", teacher, "--windows", "3", "--teacher-weight", "0.25");
    const { trained, held } = sides();
    const teaching = (await consultTeacher(settings, data, sides(), log))!;
    const model = await openModel(teacher, { workers: 1 });
    const scheduler = createScheduler();
    const score = async (text: string) => (await scoreText(scheduler, model, text)).score;
    expect([...teaching.scores.keys()]).toEqual(trained);
    for (const i of trained.slice(0, 5)) expect(teaching.scores.get(i)).toBe(await score(data.passages[i]!.excerpt));
    for (const { passage, text, example } of teaching.windows.slice(0, 5)) {
      expect(data.passages[passage]!.excerpt).toContain(text);
      expect(example).toEqual({
        id: expect.stringMatching(`^window \\d of ${data.passages[passage]!.id}$`),
        ids: Int32Array.from(data.tokenizer.encodeTruncated(text, 32)),
        target: await score(text),
      });
    }
    await model.engine.close();

    const examples = pickTrainingExamples(settings, data, trained, teaching);
    trained.forEach((index, i) => {
      expect(examples[i]!.target).toBe(0.75 * data.passages[index]!.target + 0.25 * teaching.scores.get(index)!);
    });
    expect(examples.length).toBeGreaterThan(2 * trained.length);
    expect(teaching.windows.some(({ passage }) => held.includes(passage))).toBe(false);
  });

  it("of fewer passages gives no window of another, nor one whose words stand in it", () => {
    const settings = settingsOf("--teacher", teacher, "--windows", "3");
    const passages = [..."abcd"].map((letter, i) => ({
      ...data.passages[0]!,
      id: letter,
      excerpt: `Of ${letter}. And of ${"aacd"[i]}. So.`,
    }));
    const texts = passages.map(({ excerpt }) => excerpt);
    const tiny = { ...data, passages, texts, examples: passages.map(({ id }) => ({ id, ids: [2, 3], target: 0 })) };
    const windows = passages.flatMap(({ id, excerpt }, passage) =>
      drawWindows(excerpt, 9, createRandom(0)).map((text) => ({
        passage,
        text,
        example: { id: `${id}: ${text}`, ids: [2, 3], target: 1 },
      })),
    );
    const teaching = { scores: new Map([0, 1, 2, 3].map((i) => [i, 1])), windows, unlabelled: [], spread: 0, fingerprint: "" };
    fc.assert(
      fc.property(fc.subarray([0, 1, 2, 3], { minLength: 1 }), (trained) => {
        const held = passages.filter((_, i) => !trained.includes(i));
        const examples = pickTrainingExamples(settings, tiny, trained, teaching).slice(trained.length);
        for (const { id } of examples) {
          const [name, text] = id.split(": ");
          expect(held.some((passage) => passage.id === name || passage.excerpt.includes(text!))).toBe(false);
        }
        const kept = windows.filter(
          ({ passage, text }) => trained.includes(passage) && !held.some(({ excerpt }) => excerpt.includes(text)),
        );
        expect(examples).toEqual(kept.map(({ example }) => example));
      }),
    );
  });

  it("is asked once: a run that was killed, or another one, takes the scores that are there", async () => {
    const settings = settingsOf("--teacher", teacher, "--out", tiny.path("cached"));
    const scored = { path: teacher, fingerprint: "one" };
    const texts = Array.from({ length: 600 }, (_, i) => `Text ${i}.`);
    const scores = await scoreByTeacher(scored, texts, settings.out);
    const [file] = readdirSync(settings.out).map((name) => tiny.path("cached", name));
    const broken = { ...scored, path: tiny.path("nobody") }; // opening it fails
    expect(await scoreByTeacher(broken, texts, settings.out)).toEqual(scores);
    await expect(scoreByTeacher({ ...broken, fingerprint: "two" }, texts, settings.out)).rejects.toThrow(/No model in/);
    await expect(scoreByTeacher(broken, texts.toReversed(), settings.out)).rejects.toThrow(/No model in/);
    const bytes = readFileSync(file!);
    new Float32Array(bytes.buffer, bytes.byteOffset, 256).fill(7); // tells what is read from what is scored again
    writeFileSync(file!, bytes.subarray(0, 256 * 4 + 2));
    expect(await scoreByTeacher(scored, texts, settings.out)).toEqual(Float32Array.from(scores, (score, i) => (i < 256 ? 7 : score)));
  });

  it("of several gives the mean of their scores; what they disagree on is left out", async () => {
    const csv = (name: string, score: (i: number) => number) =>
      writeFileSync(tiny.path(name), ["id,score", ...data.passages.map(({ id }, i) => `${id},${score(i)}`)].join("\n"));
    csv("one.csv", (i) => i);
    csv("two.csv", (i) => (i % 2 === 0 ? i + 1 : i + 5));
    const both = ["--teacher", tiny.path("one.csv"), tiny.path("two.csv"), "--teacher-weight", "1"];
    const { trained } = sides();
    const ask = async (...argv: string[]) => (await consultTeacher(settingsOf(...both, ...argv), data, sides(), log))!;
    const all = await ask();
    for (const i of trained) expect(all.scores.get(i)).toBe(i % 2 === 0 ? i + 0.5 : i + 2.5);
    expect(all.spread).toBeCloseTo(mean(trained.map((i) => (i % 2 === 0 ? 0.5 : 2.5))), 12);
    const agreed = await ask("--max-spread", "0.5");
    expect([...agreed.scores.keys()]).toEqual(trained.filter((i) => i % 2 === 0));
    pickTrainingExamples(settingsOf(...both), data, trained, agreed).forEach(({ target }, i) => {
      expect(target).toBe(trained[i]! % 2 === 0 ? trained[i]! + 0.5 : data.passages[trained[i]!]!.target);
    });
    expect(all.fingerprint).not.toBe(
      (await consultTeacher(settingsOf("--teacher", tiny.path("one.csv")), data, sides(), log))!.fingerprint,
    );
  });

  it("scores passages without labels, which become examples", async () => {
    const file = tiny.path("more.jsonl.gz");
    const texts = ["The cat sat. It sat on the mat.", data.passages[3]!.excerpt, "A mat.", "A mat."];
    writeFileSync(file, gzipSync(`${texts.map((text, i) => JSON.stringify({ i, text })).join("\n\n")}\n`));
    const settings = settingsOf("--teacher", teacher, "--unlabelled", file, "--crop", "0.5");
    const teaching = (await consultTeacher(settings, data, sides(), log))!;
    const model = await openModel(teacher, { workers: 1 });
    const score = async (text: string) => (await scoreText(createScheduler(), model, text)).score;
    expect(teaching.unlabelled).toEqual([
      expect.objectContaining({ id: "more.jsonl.gz, line 1", ids: Int32Array.from(data.tokenizer.encode(texts[0]!)), target: await score(texts[0]!) }), // biome-ignore format: one line
      expect.objectContaining({ id: "more.jsonl.gz, line 5", target: await score("A mat.") }),
    ]);
    await model.engine.close();
    expect(teaching.unlabelled[0]!.sentences!.ends).toHaveLength(2);
    const examples = pickTrainingExamples(settings, data, sides().trained, teaching);
    expect(examples.slice(-2)).toEqual(teaching.unlabelled);
  });

  it.each([
    ["{", /bad\.jsonl, line 2: it is not JSON\. Each line must be a JSON object with a field "text"/],
    ['{"excerpt": "A mat."}', /line 2: it has no field "text" with a string/],
    ['{"text": " "}', /line 2: its text is blank/],
  ])("is not asked about the line %j", async (line, message) => {
    writeFileSync(tiny.path("bad.jsonl"), `{"text": "A cat."}\n${line}\n`);
    const settings = settingsOf("--teacher", teacher, "--unlabelled", tiny.path("bad.jsonl"));
    await expect(consultTeacher(settings, data, sides(), log)).rejects.toThrow(message);
  });

  it("mixes with the target into the target of both squared errors", () => {
    const number = fc.double({ min: -4, max: 4, noNaN: true });
    fc.assert(
      fc.property(number, number, fc.double({ min: 0, max: 1, noNaN: true }), number, number, (target, score, w, one, other) => {
        const mix = (1 - w) * target + w * score;
        const both = (s: number) => (1 - w) * (s - target) ** 2 + w * (s - score) ** 2;
        expect(both(one) - both(other)).toBeCloseTo((one - mix) ** 2 - (other - mix) ** 2, 9);
      }),
    );
  });

  it("that is a csv is read by id, or by excerpt where there is no id", async () => {
    const scores = data.passages.map((_, i) => i / 100);
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    writeFileSync(tiny.path("ids.csv"), ["fold,id,score", ...data.passages.map(({ id }, i) => `1,${id},${scores[i]}`)].join("\n"));
    writeFileSync(tiny.path("texts.csv"), ["excerpt,score", ...data.passages.map((p, i) => `${quote(p.excerpt)},${scores[i]}`)].join("\n"));
    for (const file of ["ids.csv", "texts.csv"]) {
      const teaching = (await consultTeacher(settingsOf("--teacher", tiny.path(file)), data, sides(), log))!;
      for (const i of sides().trained) expect(teaching.scores.get(i)).toBe(scores[i]);
    }
  });

  it.each([
    ["score\n1", /has no column "excerpt"; found score/],
    ["id,target\na,1", /has no column "score"; found id, target/],
    ["id,score\na,high", /row 2, column "score": "high" is not a finite number/],
    ["id,score\na,1\na,2", /row 3, column "id": "a" has a different score in an earlier row\. Remove one of them/],
    ["id,score\na,1\na,1", /scores\.csv has no score for the training passage .+: expected a row with its id/],
    ["excerpt,score\nText,1", /has no score for the training passage .+: expected a row with its excerpt/],
  ])("of %j is refused", async (csv, message) => {
    writeFileSync(tiny.path("scores.csv"), csv);
    await expect(consultTeacher(settingsOf("--teacher", tiny.path("scores.csv")), data, sides(), log)).rejects.toThrow(message);
  });

  it("that is not there, or a csv asked for windows, is refused", async () => {
    const ask = (...argv: string[]) => consultTeacher(settingsOf(...argv), data, sides(), log);
    await expect(ask("--teacher", tiny.path("nobody"))).rejects.toThrow(
      /nobody not found: expected a checkpoint, a model repository or a CSV/,
    );
    writeFileSync(tiny.path("any.csv"), "id,score\n");
    await expect(ask("--teacher", tiny.path("any.csv"), "--windows", "1")).rejects.toThrow(
      /Cannot use --windows with --teacher .*any\.csv: a CSV has no scores of windows\. Use a checkpoint/,
    );
  });
});

describe("--teacher", { timeout: 240_000 }, () => {
  it("trains on more examples with windows, and resumes after kill -9 to the same bits", async () => {
    const more = ["--teacher", teacher, "--windows", "1", "--weighting", "inverse-variance", "--ema", "0.9", "--select", "average"];
    const { code, stderr } = await tiny.run("straight", ...more);
    expect(code, stderr).toBe(0);
    expect(Number(/passages and windows: (\d+) for training/.exec(stderr)![1])).toBeGreaterThan(150);
    expect(stderr).not.toContain("may be optimistic");
    expect(tiny.record("straight").recipe).toMatchObject({ teacher, teacher_weight: 0.5, windows: 1 });
    await tiny.runUntil(7, "killed", more);
    expect((await tiny.run("killed", ...more, "--resume")).stderr).toMatch(/from step [1-9]/);
    expect(tiny.read("killed").equals(tiny.read("straight"))).toBe(true);
  });

  it("trains on passages without labels, and resumes after kill -9 to the same bits, without asking again", async () => {
    const file = tiny.path("further.jsonl");
    writeFileSync(file, Array.from({ length: 40 }, (_, i) => JSON.stringify({ text: `The cat sat on mat ${i}. It is ${i % 7} years old.` })).join("\n")); // biome-ignore format: one line
    const more = ["--teacher", teacher, tiny.path("further-teacher.csv"), "--unlabelled", file];
    writeFileSync(tiny.path("further-teacher.csv"), "id,score\n");
    expect((await tiny.run("refused", ...more)).stderr).toMatch(
      /Cannot use --unlabelled with --teacher .*\.csv: a CSV has no scores of those passages/,
    );
    const whole = [
      "--teacher",
      `${teacher},${tiny.path("straight")}`,
      "--unlabelled",
      file,
      "--max-spread",
      "5",
      "--crop",
      "0.3",
      "--join",
      "0.3",
    ];
    const { code, stderr } = await tiny.run("unlabelled", ...whole);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/passages and unlabelled passages: 126 for training/);
    expect(tiny.record("unlabelled").recipe).toMatchObject({ unlabelled: file, max_spread: 5, teacher_spread: expect.any(Number) });
    await tiny.runUntil(7, "unlabelled-killed", whole);
    const resumed = await tiny.run("unlabelled-killed", ...whole, "--resume");
    expect(resumed.stderr).toMatch(/from step [1-9]/);
    expect(resumed.stderr).not.toMatch(/^teacher \d/m); // no text is scored again
    expect(tiny.read("unlabelled-killed").equals(tiny.read("unlabelled"))).toBe(true);
    writeFileSync(file, '{"text": "Another."}\n');
    await tiny.runUntil(3, "unlabelled-stopped", ["--teacher", teacher, "--unlabelled", file, "--epochs", "9"]);
    writeFileSync(file, '{"text": "One more."}\n');
    const other = await tiny.run("unlabelled-stopped", "--teacher", teacher, "--unlabelled", file, "--epochs", "9", "--resume");
    expect(other.stderr).toMatch(/was saved by a different run: unlabelled was [0-9a-f]{64}, is [0-9a-f]{64}/);
  });

  it("of weight 0 is none; another one is no teacher to go on with", async () => {
    const csv = (name: string, score: number) =>
      writeFileSync(tiny.path(name), ["id,score", ...data.passages.map(({ id }) => `${id},${score}`)].join("\n"));
    csv("low.csv", -1);
    csv("high.csv", 1);
    await tiny.run("alone");
    await tiny.run("weightless", "--teacher", tiny.path("low.csv"), "--teacher-weight", "0");
    expect(tiny.read("weightless").equals(tiny.read("alone"))).toBe(true);
    await tiny.runUntil(3, "stopped", ["--teacher", tiny.path("low.csv"), "--epochs", "40"]);
    const { stderr } = await tiny.run("stopped", "--teacher", tiny.path("high.csv"), "--epochs", "40", "--resume");
    expect(stderr).toMatch(/was saved by a different run: teacher was [0-9a-f]{64}, is [0-9a-f]{64}/);
  });

  it("learns of the folds' out-of-fold scores; is warned of a teacher that has seen what is held out", async () => {
    await tiny.run("folds", "--folds", "2");
    const { code, stderr } = await tiny.run("of-folds", "--teacher", tiny.path("folds", "predictions.csv"));
    expect(code, stderr).toBe(0);
    const leaky = await tiny.run("leaky", "--teacher", teacher, "--seed", "5");
    expect(leaky.stderr).toMatch(/the teacher was trained on held-out passages \(\d+\): the validation RMSE may be optimistic/);
    expect((await tiny.run("in-folds", "--folds", "2", "--teacher", teacher, "--windows", "1")).stderr).toContain(
      "trained on held-out passages (86)",
    );
    expect(existsSync(tiny.path("in-folds", "folds.json"))).toBe(true);
    expect(readFileSync(tiny.path("in-folds", "fold-2", "training.json"), "utf8")).toContain('"windows": 1');
  });
});
