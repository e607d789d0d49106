import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkVocabulary, readCheckpoint } from "../bert/checkpoint.js";
import { buildServingGraph } from "../bert/serving-graph.js";
import { places } from "../cli/paths.js";
import { fail } from "../errors/errors.js";
import { listModels, type ModelVersion, readNewestVersion } from "../repository/repository.js";
import type { ScoreTables } from "../repository/score-tables.js";
import { readRecord } from "../repository/training-record.js";
import { checkFolder, findKind } from "../storage/files.js";
import { hasWeights } from "../storage/weights.js";
import { countCores } from "../system/cores.js";
import { loadTokenizer } from "../text/tokenizer.js";
import type { Engine } from "./engine.js";
import { createLocalEngine } from "./local-engine.js";
import { openVersion, type VersionOptions } from "./open-version.js";
import type { TextModel } from "./reading.js";
import type { TextReader } from "./text-reader.js";

/** Turns a text into windows of token ids, and those into logits. */
export interface Model<E extends Engine = Engine> extends TextModel {
  readonly engine: E;
  /** Name of the model, for people. */
  readonly name: string;
  /** Its version in a model repository; undefined for a checkpoint. */
  readonly version?: ModelVersion;
  /** What the scores of a checkpoint mean, if its training record says it. The metadata of a version says it itself. */
  readonly tables?: ScoreTables;
  /** Reads long texts on a separate thread, so that a server stays responsive. */
  readonly reader?: TextReader;
}

/**
 * Opens a model in this process; closing its engine closes it.
 * @param where a model repository or a checkpoint; by default the first of artifacts/repository, artifacts/model and the released model.
 * @throws no-model and what loading throws
 */
export async function openModel(where?: string, options?: VersionOptions): Promise<Model> {
  if (where !== undefined && findKind(where) !== undefined)
    checkFolder(where, "a model repository or a checkpoint", "Choose a folder, or make one with readability train.");
  const candidates = where === undefined ? [places.repository, places.model, places.releasedModel] : [where];
  for (const folder of candidates) {
    if (isCheckpoint(folder)) return openCheckpoint(folder, options);
    if (existsSync(folder) && listModels(folder).length > 0) return openModelVersion(readNewestVersion(folder), options);
  }
  return fail("no-model", { where: candidates.join(" or ") });
}

/** Opens a version of a model repository in this process. @throws what loading throws */
export async function openModelVersion(version: ModelVersion, options?: VersionOptions): Promise<Model> {
  return describeVersion(version, await openVersion(version, options));
}

/** A version of a model repository with the engine that runs it. @throws no-tokenizer, bad-tokenizer */
export function describeVersion<E extends Engine>(version: ModelVersion, engine: E): Model<E> {
  const { folder, metadata, model } = version;
  return {
    engine,
    version,
    tokenizer: loadTokenizer(folder),
    maxLength: metadata.max_length,
    name: `${model}, version ${version.version}`,
  };
}

function isCheckpoint(folder: string): boolean {
  return existsSync(join(folder, "config.json")) && hasWeights(folder);
}

/** Opens a checkpoint in float32. */
async function openCheckpoint(folder: string, options: VersionOptions = {}): Promise<Model> {
  const tokenizer = loadTokenizer(folder);
  const checkpoint = readCheckpoint(folder);
  checkVocabulary(checkpoint, tokenizer.largestId);
  const { positions } = checkpoint.config;
  const graph = buildServingGraph(checkpoint, "fp32");
  const tables = readRecord(folder)?.tables;
  return {
    tokenizer,
    maxLength: Math.min(tokenizer.maxLength ?? positions, positions),
    name: folder,
    ...(tables ? { tables } : {}),
    engine: await createLocalEngine({ ...options, graph, workers: options.workers || countCores() }),
  };
}
