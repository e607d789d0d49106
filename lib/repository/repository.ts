import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { boundedArray, parseBoundedJson } from "../errors/bounded.js";
import { describeIssues } from "../errors/describe-issues.js";
import { fail } from "../errors/errors.js";
import { readFile, readFolder } from "../storage/files.js";
import { scoreTablesSchema } from "./score-tables.js";

/**
 * A Triton model repository has one folder per model:
 *
 *     <repository>/<model>/config.pbtxt
 *     <repository>/<model>/warmup/                     texts that Triton scores before the model is ready
 *     <repository>/<model>/<version>/model.onnx        the graph that is served
 *     <repository>/<model>/<version>/model_fp32.onnx   the same model in float32: the fallback if model.onnx scores incorrectly
 *     <repository>/<model>/<version>/tokenizer.json, tokenizer_config.json
 *     <repository>/<model>/<version>/metadata.json     see `metadataSchema`
 */
export const versionFiles = { graph: "model.onnx", fallback: "model_fp32.onnx", metadata: "metadata.json" } as const;

/** Items of a list in metadata.json; bytes of the file, and of tokenizer.json, which a server reads before it knows whether they are good. */
const mostItems = 1000;
const largestMetadata = 4 << 20;
const largestTokenizer = 128 << 20;

const tablesSchema = scoreTablesSchema.extend({
  /** The passages that the model was trained on: sha256 of the csv, and their number. */
  data: z.object({ fingerprint: z.string(), rows: z.number().int() }).optional(),
  /** Root mean squared error on the passages that training held out. */
  validation_rmse: z.number().optional(),
});

const metadataSchema = tablesSchema.extend({
  /** Name and version of the program that wrote it. */
  producer: z.string(),
  /** Folder or hub name of the pretrained model that was fine-tuned. */
  base: z.string(),
  /** sha256 over the checkpoint's files. */
  checkpoint: z.string(),
  precision: z.enum(["fp32", "fp16", "int8"]),
  /** The fastest layout on the machine that optimization ran on. */
  sessions: z.number().int().positive(),
  threads: z.number().int().positive(),
  /** Tokens that the model reads at once, special tokens included. */
  max_length: z.number().int().positive(),
  /** Tokens that the model has positions for. */
  positions: z.number().int().positive().optional(),
  /** Rows of the tables of token ids and of token types. Older versions do not say; a model without token types has no such table. */
  vocab_size: z.number().int().positive().optional(),
  type_vocab_size: z.number().int().positive().optional(),
  pad_token_id: z.number().int().nonnegative(),
  /** For a server that batches texts of equal length: the lengths to pad to, ascending up to max_length. */
  length_buckets: boundedArray(z.number().int().positive(), mostItems)
    .refine(({ length }) => length > 0, "must have at least 1 item")
    .optional(),
  /** sha256 of tokenizer.json */
  tokenizer: z.string(),
  /** Root mean squared errors on the rows of the accuracy gate, against the targets or against fp32's scores. */
  accuracy: z.object({
    against: z.enum(["targets", "fp32"]),
    rows: z.number().int(),
    rmse: z.number(),
    rmse_fp32: z.number(),
    largest_difference: z.number(),
  }),
  /** Texts with their fp32 scores, and the largest difference that the served graph's scores may have from them. */
  reference: z.object({
    tolerance: z.number().positive(),
    texts: boundedArray(z.object({ text: z.string(), score: z.number() }), mostItems).refine(
      ({ length }) => length > 0,
      "must have at least 1 item",
    ),
  }),
});

export type Metadata = z.infer<typeof metadataSchema>;
export type Tables = z.infer<typeof tablesSchema>;

/** A version of a model, on disk. */
export interface ModelVersion {
  readonly model: string;
  readonly version: number;
  readonly folder: string;
  readonly metadata: Metadata;
}

const remedy = "Build one with: readability optimization --model CHECKPOINT --out REPOSITORY.";

/** Names of the models of a repository, in alphabetical order. @throws no-file */
export function listModels(repository: string): readonly string[] {
  return readFolder(repository, "a model repository", remedy)
    .map(({ name }) => name)
    .filter((name) => !name.startsWith(".")) // Kubernetes keeps ..data beside what it mounts
    .filter((name) => isFolder(join(repository, name)) && existsSync(join(repository, name, "config.pbtxt")))
    .sort();
}

/** Whether there is a folder, or a link to one. */
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Version numbers of a model, ascending. @throws no-file, file-failed */
export function listVersions(repository: string, model: string): readonly number[] {
  return readFolder(join(repository, model), "a model of the repository", remedy)
    .map(({ name }) => name)
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** @throws no-file; bad-metadata if metadata.json contradicts its schema or the files beside it */
export function readVersion(repository: string, model: string, version: number): ModelVersion {
  const folder = join(repository, model, String(version));
  const file = join(folder, versionFiles.metadata);
  const json = parseJson(readFile(file, "the metadata of a model version", remedy, largestMetadata));
  const parsed = metadataSchema.safeParse(json);
  if (!parsed.success) {
    const problem = json === undefined ? "it is not JSON" : describeIssues(parsed.error, json);
    return fail("bad-metadata", { file, problem, remedy });
  }
  checkMetadata(file, parsed.data);
  return { model, version, folder, metadata: parsed.data };
}

/** With another model's tokenizer, scores would look plausible but be wrong. */
function checkMetadata(
  file: string,
  { tokenizer, max_length, positions = max_length, length_buckets: buckets = [max_length] }: Metadata,
): void {
  const tokenizerFile = join(dirname(file), "tokenizer.json");
  const found = createHash("sha256")
    .update(readFile(tokenizerFile, "the tokenizer of a model version", remedy, largestTokenizer))
    .digest("hex");
  const refuse = (problem: string) => fail("bad-metadata", { file, problem, remedy });
  if (found !== tokenizer) refuse(`it expects a tokenizer.json with the sha256 ${tokenizer}; the one in its folder has ${found}`);
  if (max_length > positions) refuse(`its max_length ${max_length} exceeds the ${positions} positions of the model`);
  if (buckets.at(-1) !== max_length || buckets.some((length, i) => length <= (buckets[i - 1] ?? 0)))
    refuse(`its length_buckets ${buckets.join(", ")} must ascend to its max_length ${max_length}`);
}

/** The newest version of a model, by default of the repository's first. @throws no-file */
export function readNewestVersion(repository: string, model: string | undefined = listModels(repository)[0]): ModelVersion {
  const version = model === undefined ? undefined : listVersions(repository, model).at(-1);
  if (model === undefined || version === undefined)
    return fail("no-file", { file: join(repository, "<model>", "config.pbtxt"), what: "a model with a version", remedy });
  return readVersion(repository, model, version);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return parseBoundedJson(bytes, 4 * largestMetadata);
  } catch {
    return undefined;
  }
}
