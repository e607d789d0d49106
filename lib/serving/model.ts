import { existsSync } from "node:fs";
import { join } from "node:path";
import { readCheckpoint } from "../bert/checkpoint.js";
import { buildServingGraph } from "../bert/serving-graph.js";
import { places } from "../cli/paths.js";
import { fail } from "../errors/errors.js";
import { listModels, type ModelVersion, readNewestVersion } from "../repository/repository.js";
import { hasWeights } from "../storage/weights.js";
import { countCores } from "../system/cores.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import { createEngine } from "./engine.js";
import { openVersion, type VersionOptions } from "./open-version.js";
import type { Scorer } from "./scorer.js";

/** All it takes to turn a text into its score. */
export interface Model {
  readonly scorer: Scorer;
  readonly tokenizer: Tokenizer;
  /** Tokens the model reads at once, special ones included. */
  readonly maxLength: number;
  /** For people: which model it is. */
  readonly name: string;
}

/**
 * A model in this process.
 * @param where a model repository or a checkpoint; by default the first of artifacts/repository, artifacts/model and the released model.
 * @throws no-model and what loading throws
 */
export async function openModel(where?: string, options?: VersionOptions): Promise<Model> {
  const candidates = where === undefined ? [places.repository, places.model, places.releasedModel] : [where];
  for (const folder of candidates) {
    if (isCheckpoint(folder)) return openCheckpoint(folder, options);
    if (existsSync(folder) && listModels(folder).length > 0) return openModelVersion(readNewestVersion(folder), options);
  }
  return fail("no-model", { where: candidates.join(" or ") });
}

/** A version of a model repository, in this process. @throws what loading throws */
export async function openModelVersion(version: ModelVersion, options?: VersionOptions): Promise<Model> {
  return describeVersion(version, await openVersion(version, options));
}

/** A version of a model repository with whatever scores its tokens. @throws no-tokenizer, bad-tokenizer */
export function describeVersion({ model, version, folder, metadata }: ModelVersion, scorer: Scorer): Model {
  return { scorer, tokenizer: loadTokenizer(folder), maxLength: metadata.max_length, name: `${model}, version ${version}` };
}

function isCheckpoint(folder: string): boolean {
  return existsSync(join(folder, "config.json")) && hasWeights(folder);
}

/** A checkpoint as it is, in float32. */
async function openCheckpoint(folder: string, options: VersionOptions = {}): Promise<Model> {
  const tokenizer = loadTokenizer(folder);
  const checkpoint = readCheckpoint(folder);
  const { positions } = checkpoint.config;
  const graph = buildServingGraph(checkpoint, "fp32");
  return {
    tokenizer,
    maxLength: Math.min(tokenizer.maxLength ?? positions, positions),
    name: folder,
    scorer: await createEngine({ ...options, graph, sessions: options.sessions || countCores() }),
  };
}
