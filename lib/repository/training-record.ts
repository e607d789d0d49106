import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Split } from "../data/split.js";
import { fail } from "../errors/errors.js";
import { parseJson } from "../errors/parse-json.js";
import { readFile } from "../storage/files.js";
import { scoreTablesSchema } from "./score-tables.js";

/** The file of a checkpoint that says how the model was trained. */
export const recordFile = "training.json";

const number = z.number();

/** Root mean squared errors on the validation rows for each choice of weights, and the choice that was written. */
const choicesSchema = z.object({
  selected: z.enum(["last", "best", "average"]),
  last: number,
  best: number,
  best_epoch: number,
  /** Error of the moving average, if the run kept one. */
  average: number.optional(),
});

const scaleSchema = z.object({ mean: number, deviation: number });

/** Mean and standard deviation of labels. */
export type Scale = z.infer<typeof scaleSchema>;

export type Choices = z.infer<typeof choicesSchema>;

const foldSchema = z.object({ number, of: number });

const recordSchema = z.object({
  producer: z.string(),
  /** Hub name or folder of the pretrained model. */
  base: z.string(),
  seed: number,
  /** Seed of the split. Older records have only `seed`. */
  split_seed: number.optional(),
  max_length: number,
  /** The share of passages that were held out. splitPassages finds them again by it. */
  validation_fraction: number,
  /** The fold that was held out, from 1, in a run with folds. splitFolds finds it again. */
  fold: foldSchema.optional(),
  /** For an average: its checkpoints, with their splits and RMSE. The other fields are those of the first checkpoint, or sums. */
  averaged: z
    .array(z.object({ folder: z.string(), rmse: number, seed: number, validation_fraction: number, fold: foldSchema.optional() }))
    .optional(),
  data: z.object({
    file: z.string(),
    fingerprint: z.string(),
    rows: number,
    /** What --column, --target and --file named. */
    columns: z.object({ column: z.string().optional(), target: z.string().optional(), file: z.string().optional() }).optional(),
  }),
  recipe: z.record(z.string(), z.union([z.string(), number])),
  epochs: z.array(
    z.object({ epoch: number, training_loss: number, validation_loss: number, rmse: number, average_rmse: number.optional() }),
  ),
  /** Root mean squared error on the validation rows. For an average without such rows: the mean of its checkpoints' RMSE. */
  validation: z.object({ rows: number, rmse: number }),
  choices: choicesSchema.optional(),
  /** Of the training labels, if training standardized them. The checkpoint gives scores on their scale. */
  scale: scaleSchema.optional(),
  /** For a released model, whose passages are not included: the tables from its errors in float32. */
  tables: scoreTablesSchema.optional(),
  /** What --resume compares to check that it continues the same run. */
  run: z.record(z.string(), z.unknown()).optional(),
  steps: number,
  workers: number,
  /** Duration of training, without evaluation. */
  seconds: number,
  tokens_per_second: number,
});

export type TrainingRecord = z.infer<typeof recordSchema>;

/** The splits that held out passages which the model has not seen. */
export function listSplits(record: TrainingRecord): readonly Split[] {
  const { seed, split_seed = seed, validation_fraction, fold } = record;
  return (
    record.averaged?.map(({ folder, rmse, ...split }) => split) ?? [{ seed: split_seed, validation_fraction, ...(fold ? { fold } : {}) }]
  );
}

/** The record of a checkpoint; undefined if it has none. @throws bad-record */
export function readRecord(checkpoint: string): TrainingRecord | undefined {
  const file = join(checkpoint, recordFile);
  if (!existsSync(file)) return undefined;
  const text = readFile(file, "", "").toString("utf8");
  return parseJson(text, recordSchema, (problem, cause) => fail("bad-record", { file, problem }, cause));
}
