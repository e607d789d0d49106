import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type Checkpoint, readCheckpoint, weightsFile } from "../../lib/bert/checkpoint.js";
import { fail } from "../../lib/errors/errors.js";
import { readRecord, type TrainingRecord } from "../../lib/repository/training-record.js";
import { hashFile, hashValue } from "../../lib/storage/hash.js";
import { loadTokenizer } from "../../lib/text/tokenizer.js";

/** A checkpoint with all that is needed to score texts with it. */
export interface Model {
  readonly folder: string;
  readonly checkpoint: Checkpoint;
  readonly record: TrainingRecord | undefined;
  /** Tokens the model reads at once, special tokens included. */
  readonly maxLength: number;
  /** Token ids of a text, cut at maxLength. */
  readonly encode: (text: string) => readonly number[];
  readonly padId: number;
  /** Folder or hub name of the pretrained model. */
  readonly base: string;
}

const usualMaxLength = 256;

/** @throws no-file where there is no whole checkpoint; what its readers throw */
export function readModel(folder: string): Model {
  const remedy = "Train one with: readability train; or name the folder of another with --model.";
  if (!existsSync(folder)) fail("no-file", { file: folder, what: "a checkpoint in Hugging Face format", remedy });
  for (const name of ["config.json", weightsFile, "tokenizer.json"])
    if (!existsSync(join(folder, name))) fail("no-file", { file: join(folder, name), what: "a whole checkpoint", remedy });
  const checkpoint = readCheckpoint(folder);
  const record = readRecord(folder);
  const tokenizer = loadTokenizer(folder);
  const maxLength = Math.min(record?.max_length ?? tokenizer.maxLength ?? usualMaxLength, checkpoint.config.positions);
  return {
    folder,
    checkpoint,
    record,
    maxLength,
    encode: (text) => tokenizer.encodeTruncated(text, maxLength),
    padId: tokenizer.padId,
    base: record?.base ?? basename(resolve(folder)),
  };
}

/** sha256 over what makes the scores of a checkpoint. */
export async function hashCheckpoint(folder: string): Promise<string> {
  return hashValue(await Promise.all(["config.json", weightsFile, "tokenizer.json"].map((name) => hashFile(join(folder, name)))));
}
