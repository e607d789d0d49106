import { existsSync, statSync } from "node:fs";
import type { Log } from "../../lib/cli/log.js";
import { holdOut } from "../../lib/data/split.js";
import { readTable } from "../../lib/data/table.js";
import { fail } from "../../lib/errors/errors.js";
import { createRandom } from "../../lib/math/random.js";
import { mean, rootMeanSquare } from "../../lib/math/statistics.js";
import { listSplits, readRecord } from "../../lib/repository/training-record.js";
import { hashPath, hashValue } from "../../lib/storage/hash.js";
import { normalizeText } from "../../lib/text/normalize.js";
import { splitSentences } from "../../lib/text/sentences.js";
import type { TrainingExample } from "./augment.js";
import { type Data, toExample } from "./data.js";
import type { Settings } from "./options.js";
import { streams } from "./streams.js";
import { scoreByTeacher, type Teacher } from "./teacher-scores.js";
import { readUnlabelled } from "./unlabelled.js";

/** The teachers' scores: the mean of all, where there are several. Texts on which they disagree more than --max-spread are left out. */
export interface Teaching {
  /** By index of the passage, for the passages that they were asked about. */
  readonly scores: ReadonlyMap<number, number>;
  readonly windows: readonly Window[];
  /** Passages without labels; the target is the score. */
  readonly unlabelled: readonly TrainingExample[];
  /** Mean over all texts of the standard deviation of the teachers' scores. */
  readonly spread: number;
  /** sha256 of the teachers' files. */
  readonly fingerprint: string;
  /** sha256 of the file of passages without labels. */
  readonly unlabelledFingerprint?: string | undefined;
}

/** Consecutive sentences of a passage; the target is the score. */
interface Window {
  readonly passage: number;
  readonly text: string;
  readonly example: TrainingExample;
}

/** Indices of the passages trained on and of those held out; with folds, all are both. */
interface Sides {
  readonly trained: readonly number[];
  readonly held: readonly number[];
}

/**
 * Asks the teachers, if there are any, for scores of the passages trained on, of windows of them and of passages without labels: knowledge
 * distillation (Hinton et al. 2015).
 * @throws no-file, no-score, no-model, bad-combination, not-jsonl and what readers and models throw
 */
export async function consultTeacher(settings: Settings, data: Data, sides: Sides, log: Log): Promise<Teaching | undefined> {
  if (settings.teacher.length === 0) return undefined;
  const teachers = await Promise.all(settings.teacher.map(identifyTeacher));
  for (const { path } of teachers) checkTeacher(path, settings, data, sides, log);
  const { texts: further, ids, fingerprint } = settings.unlabelled === undefined ? none : readUnlabelled(settings.unlabelled, data.texts);
  const drawn = drawAllWindows(settings, data, sides.trained);
  const texts = [...sides.trained.map((i) => data.texts[i]!), ...drawn.map(({ text }) => text)];
  const askAll = async (texts: readonly string[], ask: (teacher: Teacher) => Promise<ArrayLike<number>>): Promise<Agreement[]> => {
    const answers: ArrayLike<number>[] = [];
    for (const teacher of teachers) answers.push(await ask(teacher)); // one after the other: each uses all cores
    return texts.map((_, i) => agree(answers.map((scores) => scores[i]!)));
  };
  const known = await askAll(texts, async (teacher) =>
    isModel(teacher.path) ? scoreByTeacher(teacher, texts, settings.out) : readScores(teacher.path, data, sides.trained),
  );
  const more = await askAll(further, (teacher) => scoreByTeacher(teacher, further, settings.out));
  const all = [...known, ...more];
  const spread = mean(all.map((agreement) => agreement.spread));
  const isKept = ({ spread }: Agreement) => spread <= (settings.maxSpread ?? Number.POSITIVE_INFINITY);
  if (teachers.length > 1) {
    const dropped = all.filter((agreement) => !isKept(agreement)).length;
    log.info(
      `teachers: ${teachers.length}; mean standard deviation of their scores ${spread.toFixed(4)}; texts above --max-spread: ${dropped}`,
    );
  }
  const keep = <T, R>(items: readonly T[], agreements: readonly Agreement[], make: (item: T, score: number, i: number) => R): R[] =>
    items.flatMap((item, i) => (isKept(agreements[i]!) ? [make(item, agreements[i]!.score, i)] : []));
  const example = (id: string, text: string, target: number) => toExample(settings, data.tokenizer, { id, text, target });
  return {
    scores: new Map(keep(sides.trained, known, (index, score) => [index, score] as const)),
    windows: keep(drawn, known.slice(sides.trained.length), ({ passage, text, id }, score) => {
      return { passage, text, example: example(id, text, score) };
    }),
    unlabelled: keep(further, more, (text, score, i) => example(ids[i]!, text, score)),
    spread,
    fingerprint: teachers.length === 1 ? teachers[0]!.fingerprint : hashValue(teachers.map(({ fingerprint }) => fingerprint)),
    unlabelledFingerprint: fingerprint,
  };
}

const none = { texts: [], ids: [], fingerprint: undefined };

interface Agreement {
  readonly score: number;
  /** Standard deviation of the scores. */
  readonly spread: number;
}

function agree(scores: readonly number[]): Agreement {
  if (scores.length === 1) return { score: scores[0]!, spread: 0 };
  const score = mean(scores);
  return { score, spread: rootMeanSquare(scores.map((one) => one - score)) };
}

async function identifyTeacher(path: string): Promise<Teacher> {
  const remedy = "Choose another with --teacher.";
  if (!existsSync(path)) fail("no-file", { file: path, what: "a checkpoint, a model repository or a CSV of scores", remedy });
  return { path, fingerprint: await hashPath(path) };
}

const isModel = (path: string) => statSync(path).isDirectory();

/** @throws bad-combination */
function checkTeacher(path: string, { windows, unlabelled }: Settings, data: Data, sides: Sides, log: Log): void {
  if (isModel(path)) {
    warnOfLeak(path, data, sides, log);
    return;
  }
  const option = windows > 0 ? "--windows" : unlabelled !== undefined ? "--unlabelled" : undefined;
  if (option !== undefined)
    fail("bad-combination", {
      options: `${option} with --teacher ${path}`,
      why: `a CSV has no scores of ${option === "--windows" ? "windows" : "those passages"}`,
      remedy: `Use a checkpoint or model repository as the teacher, or leave out ${option}.`,
    });
}

function drawAllWindows({ windows, seed }: Settings, { passages, texts }: Data, indices: readonly number[]) {
  return indices.flatMap((passage) => {
    const drawn = drawWindows(texts[passage]!, windows, createRandom(seed, streams.windows, passage));
    return drawn.map((text, i) => ({ passage, text, id: `window ${i + 1} of ${passages[passage]!.id}` }));
  });
}

/** Draws at most `count` different runs of consecutive sentences of a text, each shorter than the text. */
export function drawWindows(text: string, count: number, random: ReturnType<typeof createRandom>): string[] {
  const sentences = splitSentences(text);
  const all = sentences.flatMap((_, begin) => sentences.slice(begin).map((_, i) => [begin, begin + i + 1] as const));
  const shorter = all.filter(([begin, end]) => end - begin < sentences.length);
  return random
    .shuffle(shorter)
    .slice(0, count)
    .map(([begin, end]) => sentences.slice(begin, end).join("").trim());
}

/** Reads scores from a csv: by its column id or, without one, by its column excerpt. @throws no-column, bad-cell, no-score */
function readScores(file: string, { passages, texts }: Pick<Data, "passages" | "texts">, indices: readonly number[]): number[] {
  const table = readTable(file, { what: "a CSV of a teacher's scores", remedy: "Choose another with --teacher." });
  const key = table.findIfThere("id") === undefined ? "excerpt" : "id";
  const [keys, scores] = [table.find(key), table.find("score")];
  const byKey = new Map<string, number>();
  for (const record of table.rows) {
    const { row, cells } = record;
    const cell = cells[keys]!.trim();
    const [name, score] = [key === "id" ? cell : normalizeText(cell).trim(), table.readNumber(record, scores)];
    const problem = `${JSON.stringify(name.slice(0, 40))} has a different score in an earlier row`;
    if ((byKey.get(name) ?? score) !== score) fail("bad-cell", { file, row, column: key, problem, remedy: "Remove one of them." });
    byKey.set(name, score);
  }
  return indices.map((i) => {
    const { id } = passages[i]!;
    return byKey.get(key === "id" ? id : texts[i]!.trim()) ?? fail("no-score", { file, id, key });
  });
}

/** A student looks better than it is if its teacher was trained on the passages that the student is measured on. */
function warnOfLeak(teacher: string, { passages, fingerprint }: Data, { held }: Sides, log: Log): void {
  const record = readRecord(teacher);
  if (record?.data.fingerprint !== fingerprint) return;
  const unseen = new Set(holdOut(passages, listSplits(record)));
  const leaked = held.filter((i) => !unseen.has(i)).length;
  if (leaked > 0) log.warn(`the teacher was trained on held-out passages (${leaked}): the validation RMSE may be optimistic`);
}
