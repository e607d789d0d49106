import { existsSync, statSync } from "node:fs";
import type { Log } from "../../lib/cli/log.js";
import { mapWithProgress } from "../../lib/cli/map-with-progress.js";
import { holdOut } from "../../lib/data/split.js";
import { readTable } from "../../lib/data/table.js";
import { fail } from "../../lib/errors/errors.js";
import { createRandom } from "../../lib/math/random.js";
import { listSplits, readRecord } from "../../lib/repository/training-record.js";
import { openModel } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { scoreText } from "../../lib/serving/score-text.js";
import { hashPath } from "../../lib/storage/hash.js";
import { normalizeText } from "../../lib/text/normalize.js";
import { splitSentences } from "../../lib/text/sentences.js";
import type { TrainingExample } from "./augment.js";
import { type Data, toExample } from "./data.js";
import type { Settings } from "./options.js";
import { streams } from "./streams.js";

/** A teacher's scores of passages and windows. */
export interface Teaching {
  /** By index of the passage, for the passages that it was asked about. */
  readonly scores: ReadonlyMap<number, number>;
  readonly windows: readonly Window[];
  /** sha256 of the teacher's files. */
  readonly fingerprint: string;
}

/** Consecutive sentences of a passage; the target is the teacher's score. */
export interface Window {
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
 * Asks the teacher, if there is one, for scores of the passages trained on: knowledge distillation (Hinton et al. 2015).
 * @throws no-file, no-score, no-model, bad-combination and what readers and models throw
 */
export async function consultTeacher(settings: Settings, data: Data, sides: Sides, log: Log): Promise<Teaching | undefined> {
  const { teacher, windows } = settings;
  if (teacher === undefined) return undefined;
  const remedy = "Choose another with --teacher.";
  if (!existsSync(teacher)) fail("no-file", { file: teacher, what: "a checkpoint, a model repository or a CSV of scores", remedy });
  const fingerprint = await hashPath(teacher);
  if (statSync(teacher).isDirectory()) {
    warnOfLeak(teacher, data, sides, log);
    return { ...(await askModel(teacher, settings, data, sides.trained)), fingerprint };
  }
  if (windows > 0)
    fail("bad-combination", {
      options: `--windows with --teacher ${teacher}`,
      why: "a CSV has no scores of windows",
      remedy: "Use a checkpoint or model repository as the teacher, or leave out --windows.",
    });
  return { scores: readScores(teacher, data, sides.trained), windows: [], fingerprint };
}

/** Scores the passages, and windows drawn from them. */
async function askModel(teacher: string, settings: Settings, { passages, texts, tokenizer }: Data, indices: readonly number[]) {
  const drawn = indices.flatMap((passage) => {
    const windows = drawWindows(texts[passage]!, settings.windows, createRandom(settings.seed, streams.windows, passage));
    return windows.map((text, i) => ({ passage, text, id: `window ${i + 1} of ${passages[passage]!.id}` }));
  });
  const model = await openModel(teacher);
  const scheduler = createScheduler();
  try {
    const asked = [...indices.map((i) => texts[i]!), ...drawn.map(({ text }) => text)];
    const score = async (text: string) => (await scoreText(scheduler, model, text)).score;
    const scores = await mapWithProgress("teacher", "texts", asked, score);
    const windows = drawn.map(({ passage, text, id }, i): Window => {
      const target = scores[indices.length + i]!;
      return { passage, text, example: toExample(settings, tokenizer, { id, text, target }) };
    });
    return { scores: new Map(indices.map((index, i) => [index, scores[i]!])), windows };
  } finally {
    await model.engine.close();
  }
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
function readScores(file: string, { passages, texts }: Pick<Data, "passages" | "texts">, indices: readonly number[]): Map<number, number> {
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
  return new Map(
    indices.map((i) => {
      const { id } = passages[i]!;
      return [i, byKey.get(key === "id" ? id : texts[i]!.trim()) ?? fail("no-score", { file, id, key })];
    }),
  );
}

/** A student looks better than it is if its teacher was trained on the passages that the student is measured on. */
function warnOfLeak(teacher: string, { passages, fingerprint }: Data, { held }: Sides, log: Log): void {
  const record = readRecord(teacher);
  if (record?.data.fingerprint !== fingerprint) return;
  const unseen = new Set(holdOut(passages, listSplits(record)));
  const leaked = held.filter((i) => !unseen.has(i)).length;
  if (leaked > 0) log.warn(`the teacher was trained on held-out passages (${leaked}): the validation RMSE may be optimistic`);
}
