import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Metadata, type ModelVersion, readVersion, versionFiles } from "../lib/repository/repository.js";
import { formatTritonConfig } from "../lib/repository/triton-config.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { meanGraph, meanScore } from "./graphs.js";
import { writeByteLevelTokenizer, writeWordPieceTokenizer } from "./tiny-tokenizers.js";

interface RepositoryOptions {
  readonly model?: string;
  readonly version?: number;
  /** model.onnx and model_fp32.onnx; none is written where it is null. */
  readonly graph?: Uint8Array;
  readonly fallback?: Uint8Array | null;
  readonly metadata?: Partial<Metadata>;
  readonly writeTokenizer?: (folder: string) => void;
  /** Added to the reference scores, and those of a graph that is not given. */
  readonly offset?: number;
}

const referenceTexts = ["the cat sat on the mat", "a mat", "the matting"];

/** Writes a model repository whose reference scores are meanGraph's (+ `offset`), for our server and for Triton. */
export function writeRepository(folder: string, options: RepositoryOptions = {}): ModelVersion {
  const { model = "readability", version = 1, offset = 0, writeTokenizer = writeWordPieceTokenizer } = options;
  const { graph = meanGraph(offset), fallback = meanGraph(offset) } = options;
  const place = join(folder, model, String(version));
  mkdirSync(place, { recursive: true });
  writeFileSync(
    join(folder, model, "config.pbtxt"),
    formatTritonConfig({ name: model, target: "cpu", sessions: 1, threads: 1, warmUps: [] }),
  );
  writeFileSync(join(place, versionFiles.graph), graph);
  if (fallback) writeFileSync(join(place, versionFiles.fallback), fallback);
  writeTokenizer(place);
  const tokenizer = loadTokenizer(place);
  const metadata: Metadata = {
    producer: "test",
    base: "none",
    checkpoint: "none",
    precision: "int8",
    sessions: 1,
    threads: 1,
    max_length: 16,
    pad_token_id: 0,
    tokenizer: createHash("sha256")
      .update(readFileSync(join(place, "tokenizer.json")))
      .digest("hex"),
    accuracy: { against: "fp32", rows: 1, rmse: 0, rmse_fp32: 0, largest_difference: 0 },
    reference: {
      tolerance: 0.01,
      texts: referenceTexts.map((text) => ({ text, score: meanScore(tokenizer.encodeTruncated(text, 16), offset) })),
    },
    ...options.metadata,
  };
  writeFileSync(join(place, versionFiles.metadata), JSON.stringify(metadata));
  return readVersion(folder, model, version);
}

/**
 * Makes a version the newest, whole at once as optimization does. Odd versions have another tokenizer than even ones, and each scores by
 * its number more than meanGraph: a text scored by tokens or offset of another version is found out.
 */
export function publishVersion(repository: string, version: number, options: RepositoryOptions = {}): ModelVersion {
  const aside = mkdtempSync(`${repository}-`);
  const writeTokenizer = version % 2 === 0 ? writeByteLevelTokenizer : writeWordPieceTokenizer;
  const { model } = writeRepository(aside, { version, offset: version, writeTokenizer, ...options });
  mkdirSync(join(repository, model), { recursive: true });
  renameSync(join(aside, model, "config.pbtxt"), join(repository, model, "config.pbtxt"));
  renameSync(join(aside, model, String(version)), join(repository, model, String(version)));
  rmSync(aside, { recursive: true });
  return readVersion(repository, model, version);
}
