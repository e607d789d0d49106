/**
 * Makes a released model from a trained checkpoint: rounds the weights to float16, half the size, and measures them as rounded.
 *
 *     readability release artifacts/model data/input/train.csv.zip models/readability-minilm [BASE's hub name]
 */
import { basename, join } from "node:path";
import { readCheckpoint, writeCheckpoint } from "../../lib/bert/checkpoint.js";
import { mapWithProgress } from "../../lib/cli/map-with-progress.js";
import { parseOptions } from "../../lib/cli/options.js";
import { readPassages } from "../../lib/data/dataset.js";
import { holdOut } from "../../lib/data/split.js";
import { fail } from "../../lib/errors/errors.js";
import { rootMeanSquare } from "../../lib/math/statistics.js";
import { toSvgFile } from "../../lib/report/chart.js";
import { drawPredictions } from "../../lib/report/predictions.js";
import { describeErrors, describePassages } from "../../lib/repository/score-tables.js";
import { listSplits, readRecord, recordFile } from "../../lib/repository/training-record.js";
import { openModel } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { checkFolder, checkPlace, writeFileAtomic } from "../../lib/storage/files.js";
import { gradeLevel } from "../../lib/text/formulas.js";
import { writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import { readFirstWindow } from "../../lib/text/windows.js";

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
  const { engine, tokenizer } = await openModel(out);
  const scheduler = createScheduler();
  const predictions = await mapWithProgress("release", "passages", held, async ({ id, excerpt, target }) => ({
    id,
    target,
    score: await scheduler.score(engine, readFirstWindow(tokenizer, excerpt, record.max_length)),
  }));
  await engine.close();

  const heldOut = new Set(held);
  const tables = {
    ...describeErrors(predictions.map(({ target, score }) => score - target)),
    ...describePassages(
      passages.filter((passage) => !heldOut.has(passage)).map(({ excerpt, target }) => ({ target, grade: gradeLevel(excerpt) })),
    ),
  };
  const rmse = rootMeanSquare(predictions.map(({ target, score }) => score - target));
  const released = {
    ...record,
    base: base ?? record.base,
    data: { ...record.data, file: basename(data) },
    validation: { rows: held.length, rmse },
    tables,
  };
  writeFileAtomic(join(out, recordFile), `${JSON.stringify(released, null, 2)}\n`);
  writeFileAtomic(join(out, "predictions.svg"), toSvgFile(drawPredictions(predictions)));
  process.stdout.write(
    `validation RMSE ${record.validation.rmse.toFixed(4)} as trained, ${rmse.toFixed(4)} as rounded; written to ${out}\n`,
  );
  return 0;
}
