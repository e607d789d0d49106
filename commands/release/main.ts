/**
 * Makes a released model from a trained checkpoint: rounds the weights to float16, half the size, and measures them as rounded and as
 * serving scores texts, in windows.
 *
 *     readability release artifacts/model data/input/train.csv.zip models/readability-minilm [BASE's hub name]
 */
import { basename, join } from "node:path";
import { readCheckpoint, writeCheckpoint } from "../../lib/bert/checkpoint.js";
import { mapWithProgress } from "../../lib/cli/map-with-progress.js";
import { parseOptions } from "../../lib/cli/options.js";
import { type Passage, readPassages } from "../../lib/data/dataset.js";
import { holdOut } from "../../lib/data/split.js";
import { fail } from "../../lib/errors/errors.js";
import { rootMeanSquare } from "../../lib/math/statistics.js";
import { toSvgFile } from "../../lib/report/chart.js";
import { drawPredictions } from "../../lib/report/predictions.js";
import { describeSpread, type ScoredText } from "../../lib/repository/intervals.js";
import { describePassages } from "../../lib/repository/score-tables.js";
import { listSplits, readRecord, recordFile } from "../../lib/repository/training-record.js";
import { openModel } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { scoreText } from "../../lib/serving/score-text.js";
import { checkFolder, checkPlace, writeFileAtomic } from "../../lib/storage/files.js";
import { cutExcerpts, excerptWords } from "../../lib/text/excerpts.js";
import { gradeLevel } from "../../lib/text/formulas.js";
import { normalizeText } from "../../lib/text/normalize.js";
import { writeTokenizerFiles } from "../../lib/text/tokenizer.js";

export async function main(argv: readonly string[]): Promise<number> {
  const given = parseOptions("release", {}, argv, process.env, ["checkpoint", "data", "out", "[base]"]);
  const [from, data, out, base] = given.arguments as [string, string, string, string?];
  checkFolder(from, "a checkpoint", "Name the folder that readability train wrote.");
  checkPlace(out, "a folder");
  const record =
    readRecord(from) ??
    fail("no-file", { file: join(from, recordFile), what: "the record of a training run", remedy: "Train the model first." });
  const { passages } = readPassages(data, { targets: true, ...record.data.columns });
  const held = holdOut(passages, listSplits(record)).map((i) => passages[i]!);

  writeCheckpoint(out, readCheckpoint(from), "F16");
  writeTokenizerFiles(from, out, record.max_length);
  const model = await openModel(out);
  const scheduler = createScheduler();
  const score = async ({ excerpt, target }: Pick<Passage, "excerpt" | "target">): Promise<ScoredText> => {
    const { score, tokens } = await scoreText(scheduler, model, excerpt);
    return { score, tokens, error: score - target };
  };
  const scored = await mapWithProgress("release", "passages", held, score);
  const texts = held.map(({ excerpt }) => normalizeText(excerpt));
  const excerpts: ScoredText[][] = [];
  for (const words of excerptWords) {
    const group = cutExcerpts(texts, words).flatMap((excerpt, i) => (excerpt === undefined ? [] : [{ excerpt, target: held[i]!.target }]));
    excerpts.push(await mapWithProgress("release", `excerpts of ${words} words`, group, score));
  }
  await model.engine.close();

  const heldOut = new Set(held);
  const tables = {
    ...describeSpread(scored, excerpts),
    ...describePassages(
      passages.filter((passage) => !heldOut.has(passage)).map(({ excerpt, target }) => ({ target, grade: gradeLevel(excerpt) })),
    ),
  };
  const rmse = rootMeanSquare(scored.map(({ error }) => error));
  const released = {
    ...record,
    base: base ?? record.base,
    data: { ...record.data, file: basename(data) },
    validation: { rows: held.length, rmse },
    tables,
  };
  writeFileAtomic(join(out, recordFile), `${JSON.stringify(released, null, 2)}\n`);
  writeFileAtomic(
    join(out, "predictions.svg"),
    toSvgFile(drawPredictions(held.map(({ id, target }, i) => ({ id, target, score: scored[i]!.score })))),
  );
  process.stdout.write(
    `validation RMSE ${record.validation.rmse.toFixed(4)} as trained, ${rmse.toFixed(4)} as rounded; written to ${out}\n`,
  );
  return 0;
}
