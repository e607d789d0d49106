import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type Checkpoint, checkVocabulary, readCheckpoint } from "../../lib/bert/checkpoint.js";
import { fail } from "../../lib/errors/errors.js";
import { readRecord, type TrainingRecord } from "../../lib/repository/training-record.js";
import { checkFolder } from "../../lib/storage/files.js";
import { hashFile, hashValue } from "../../lib/storage/hash.js";
import { listWeightFiles } from "../../lib/storage/weights.js";
import { loadTokenizer } from "../../lib/text/tokenizer.js";
import { readFirstWindow, readWindows, type Windows } from "../../lib/text/windows.js";

/** A checkpoint with its tokenizer and training record. */
export interface LoadedCheckpoint {
  readonly folder: string;
  readonly checkpoint: Checkpoint;
  readonly record: TrainingRecord | undefined;
  /** Tokens that the model reads at once, special tokens included. */
  readonly maxLength: number;
  /** Token ids of the first window of a text. */
  readonly encode: (text: string) => readonly number[];
  readonly readWindows: (text: string) => Windows;
  readonly padId: number;
  /** Folder or hub name of the pretrained model. */
  readonly base: string;
}

const defaultMaxLength = 256;

/** @throws no-file if a file of the checkpoint is missing, and what its readers throw */
export function loadCheckpoint(folder: string): LoadedCheckpoint {
  const remedy = "Train one with readability train, or choose another folder with --model.";
  checkFolder(folder, "a checkpoint in Hugging Face format", remedy);
  for (const name of ["config.json", "tokenizer.json"])
    if (!existsSync(join(folder, name))) fail("no-file", { file: join(folder, name), what: "a complete checkpoint", remedy });
  const checkpoint = readCheckpoint(folder);
  const record = readRecord(folder);
  const tokenizer = loadTokenizer(folder);
  checkVocabulary(checkpoint, tokenizer.largestId);
  const maxLength = Math.min(record?.max_length ?? tokenizer.maxLength ?? defaultMaxLength, checkpoint.config.positions);
  return {
    folder,
    checkpoint,
    record,
    maxLength,
    encode: (text) => readFirstWindow(tokenizer, text, maxLength),
    readWindows: (text) => readWindows(tokenizer, text, maxLength),
    padId: tokenizer.padId,
    base: record?.base ?? basename(resolve(folder)),
  };
}

/** sha256 over the files that a checkpoint's scores depend on. */
export async function hashCheckpoint(folder: string): Promise<string> {
  const files = [join(folder, "config.json"), ...listWeightFiles(folder), join(folder, "tokenizer.json")];
  return hashValue(await Promise.all(files.map(hashFile)));
}
