import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Metadata, type ModelVersion, readVersion, versionFiles } from "../lib/repository.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { formatTritonConfig } from "../lib/triton-config.js";
import { meanGraph, meanScore } from "./graphs.js";
import { writeWordPieceTokenizer } from "./tiny-tokenizers.js";

export interface RepositoryOptions {
  readonly model?: string;
  readonly version?: number;
  /** model.onnx and model_fp32.onnx; none is written where it is null. */
  readonly graph?: Uint8Array;
  readonly fallback?: Uint8Array | null;
  readonly metadata?: Partial<Metadata>;
}

const referenceTexts = ["the cat sat on the mat", "a mat", "the matting"];

/** Writes a model repository whose reference scores are meanGraph's, for our server and for Triton. */
export function writeRepository(folder: string, options: RepositoryOptions = {}): ModelVersion {
  const { model = "readability", version = 1, graph = meanGraph(), fallback = meanGraph() } = options;
  const place = join(folder, model, String(version));
  mkdirSync(place, { recursive: true });
  writeFileSync(
    join(folder, model, "config.pbtxt"),
    formatTritonConfig({ name: model, target: "cpu", sessions: 1, threads: 1, warmUps: [] }),
  );
  writeFileSync(join(place, versionFiles.graph), graph);
  if (fallback) writeFileSync(join(place, versionFiles.fallback), fallback);
  writeWordPieceTokenizer(place);
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
    reference: { tolerance: 0.01, texts: referenceTexts.map((text) => ({ text, score: meanScore(tokenizer.encodeTruncated(text, 16)) })) },
    ...options.metadata,
  };
  writeFileSync(join(place, versionFiles.metadata), JSON.stringify(metadata));
  return readVersion(folder, model, version);
}
