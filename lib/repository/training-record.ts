import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Split } from "../data/split.js";
import { fail, reason } from "../errors/errors.js";
import { scoreTablesSchema } from "./score-tables.js";

/** File in a checkpoint folder that tells how the model was trained. */
export const recordFile = "training.json";

const number = z.number();

/** Root mean squared error on the validation rows of each choice of weights, and which one was written. */
const choicesSchema = z.object({
  selected: z.enum(["last", "best", "average"]),
  last: number,
  best: number,
  best_epoch: number,
  /** The moving average, where the run kept one. */
  average: number.optional(),
});

export type Choices = z.infer<typeof choicesSchema>;

const foldSchema = z.object({ number, of: number });

export const recordSchema = z.object({
  producer: z.string(),
  /** Hub name or folder of the pretrained model. */
  base: z.string(),
  seed: number,
  /** Of the split; older records have but one. */
  split_seed: number.optional(),
  max_length: number,
  /** Share of the passages held out, by which splitPassages finds them again. */
  validation_fraction: number,
  /** Of a run with folds: the one held out, from 1, by which splitFolds finds them again. */
  fold: foldSchema.optional(),
  /** Of an average: the checkpoints it was made of, with their splits and their own RMSE. What else is told is the first one's, or their sum. */
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
  /** Root mean squared error of the written weights on the validation rows; of an average without such rows the mean of its checkpoints'. */
  validation: z.object({ rows: number, rmse: number }),
  choices: choicesSchema.optional(),
  /** Of a released model, whose passages do not come with it: by its errors in float32. */
  tables: scoreTablesSchema.optional(),
  /** What must be the same for --resume to take it for the same run. */
  run: z.record(z.string(), z.unknown()).optional(),
  steps: number,
  workers: number,
  /** Training alone, without evaluation. */
  seconds: number,
  tokens_per_second: number,
});

export type TrainingRecord = z.infer<typeof recordSchema>;

/** How the passages were held out that a model has not seen: those of every split. */
export function listSplits(record: TrainingRecord): readonly Split[] {
  const { seed, split_seed = seed, validation_fraction, fold } = record;
  return (
    record.averaged?.map(({ folder, rmse, ...split }) => split) ?? [{ seed: split_seed, validation_fraction, ...(fold ? { fold } : {}) }]
  );
}

/** The record of a checkpoint, where it has one. @throws bad-record */
export function readRecord(checkpoint: string): TrainingRecord | undefined {
  const file = join(checkpoint, recordFile);
  if (!existsSync(file)) return undefined;
  try {
    return recordSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    return fail("bad-record", { file, problem: error instanceof z.ZodError ? z.prettifyError(error) : reason(error) }, error);
  }
}
