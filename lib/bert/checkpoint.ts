import { join } from "node:path";
import { fail } from "../errors/errors.js";
import { createRandom } from "../math/random.js";
import { writeFileAtomic } from "../storage/files.js";
import { encodeSafetensors, readSafetensors, type Tensor } from "../storage/safetensors.js";
import { listWeightFiles, weightsFile } from "../storage/weights.js";
import { type BertConfig, readConfig } from "./config.js";
import { type FamilyName, families, meanHead } from "./families.js";
import { listParameters, type Parameter, sizeOf } from "./parameters.js";

/** A model with its weights, by the names of `listParameters`. */
export interface Checkpoint {
  readonly folder: string;
  readonly config: BertConfig;
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
}

/** The head to create if the checkpoint has none, or one with another number of labels. */
interface FreshHead {
  readonly head: BertConfig["head"];
  /** Determines the new weights. */
  readonly seed: number;
  /** Called if the new head replaces another one. */
  readonly notify?: (message: string) => void;
}

/**
 * Reads a checkpoint in Hugging Face format. float16 and bfloat16 become float32, and tensors that the model does not use are skipped.
 * @param fresh if absent, the head is the one that config.json names, and its weights must exist
 * @throws no-file, bad-config, bad-safetensors, bad-tensor, no-tensor
 */
export function readCheckpoint(folder: string, fresh?: FreshHead): Checkpoint {
  const read = readConfig(folder);
  const config = fresh ? { ...read, head: fresh.head } : read;
  const files = listWeightFiles(folder);
  const stored = readTensors(config.family, files);
  let replaced: number | undefined;
  const weights = new Map(
    listParameters(config).map((parameter, i) => {
      const { name, shape } = parameter;
      const found = stored.get(name);
      const labels = found && countLabels(parameter, found.tensor);
      if (found && (labels === undefined || !fresh)) return [name, checkTensor(found.file, parameter, found.tensor, labels)];
      if (!parameter.drawn || !fresh)
        return fail("no-tensor", { file: files.join(", "), tensor: name, shape: shape.join(", "), found: stored.size });
      replaced ??= labels;
      return [name, { shape, data: drawParameter(parameter, config, fresh.seed, i) }];
    }),
  );
  if (replaced !== undefined) fresh?.notify?.(`the head of ${folder} has ${replaced} labels: a new head of one label takes its place`);
  return { folder, config, weights };
}

interface StoredTensor {
  readonly file: string;
  readonly tensor: Tensor;
}

/** The tensors of the files, by the names of `listParameters`. */
function readTensors(family: FamilyName, files: readonly string[]): ReadonlyMap<string, StoredTensor> {
  const stored = new Map<string, StoredTensor>();
  for (const file of files) {
    for (const [name, tensor] of readSafetensors(file)) {
      const canonical = canonicalName(family, name);
      if (stored.has(canonical)) fail("bad-tensor", { file, tensor: name, problem: `the checkpoint has ${canonical} twice` });
      stored.set(canonical, { file, tensor });
    }
  }
  return stored;
}

/**
 * The name that `listParameters` gives a tensor. Wrappers such as DataParallel and torch.compile add prefixes, old files name LayerNorm's
 * tensors gamma and beta, and encoders without a head lack the family's prefix.
 */
function canonicalName(family: FamilyName, name: string): string {
  const renamed = name
    .replace(/^((module|model|_orig_mod)\.)+/, "")
    .replace(/LayerNorm\.gamma$/, "LayerNorm.weight")
    .replace(/LayerNorm\.beta$/, "LayerNorm.bias");
  return /^(embeddings|embeddings_project|encoder|transformer|pooler)\./.test(renamed) ? `${family}.${renamed}` : renamed;
}

/** The number of labels, if a tensor is a head's last layer with other than one label. */
function countLabels({ drawn, shape }: Parameter, tensor: Tensor): number | undefined {
  const [labels, ...rest] = tensor.shape;
  return drawn && shape[0] === 1 && labels !== 1 && rest.join() === shape.slice(1).join() ? labels : undefined;
}

/**
 * Refuses a tokenizer with ids that the model has no embeddings for.
 * @param largestId of the tokenizer in the checkpoint's folder
 * @throws bad-tokenizer
 */
export function checkVocabulary({ folder, config }: Pick<Checkpoint, "folder" | "config">, largestId: number): void {
  if (largestId < config.vocabulary) return;
  const problem = `its ids go up to ${largestId}, and the model has embeddings for ${config.vocabulary} (vocab_size in config.json)`;
  fail("bad-tokenizer", { file: join(folder, "tokenizer.json"), problem });
}

function checkTensor(file: string, { name, shape }: Parameter, tensor: Tensor, labels: number | undefined): Tensor {
  const bad = (problem: string) => fail("bad-tensor", { file, tensor: name, problem });
  if (labels !== undefined)
    bad(`it belongs to a head with ${labels} labels, and a readability model has one; readability train --base makes one`);
  if (tensor.shape.join() !== shape.join()) bad(`its shape is [${tensor.shape.join(", ")}]; config.json requires [${shape.join(", ")}]`);
  if (!isAllFinite(tensor.data)) bad("it has values that are not finite");
  return tensor;
}

/** A sum in float64 is finite if all its float32 terms are. */
function isAllFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Number.isFinite(sum);
}

/** @param stream of random numbers: the parameter's index in `listParameters` */
export function drawParameter(
  { shape, drawn }: Pick<Parameter, "shape" | "drawn">,
  config: BertConfig,
  seed: number,
  stream: number,
): Float32Array {
  const random = createRandom(seed, stream);
  const next = { normal: () => random.normal() * config.initializerRange, zeros: () => 0, ones: () => 1 }[drawn!];
  return Float32Array.from({ length: sizeOf(shape) }, next);
}

/** The same model with scores of `factor` times its scores plus `offset`. Only the last layer of the head changes. */
export function rescaleScores<C extends Omit<Checkpoint, "folder">>(checkpoint: C, factor: number, offset: number): C {
  const { config, weights } = checkpoint;
  const last = config.head === "mean" ? meanHead.linear : families[config.family].head.out;
  const map = (name: string, change: (value: number) => number) => {
    const { shape, data } = weights.get(name)!;
    return [name, { shape, data: data.map(change) }] as const;
  };
  const changed = [map(`${last}.weight`, (w) => w * factor), map(`${last}.bias`, (b) => b * factor + offset)];
  return { ...checkpoint, weights: new Map([...weights, ...changed]) };
}

/** Writes weights and config.json, without the tokenizer's files. @param dtype of the stored weights */
export function writeCheckpoint(folder: string, { config, weights }: Omit<Checkpoint, "folder">, dtype: "F32" | "F16" = "F32"): void {
  writeFileAtomic(join(folder, weightsFile), encodeSafetensors(weights, dtype));
  writeFileAtomic(join(folder, "config.json"), `${JSON.stringify(classifierConfig(config), null, 2)}\n`);
}

/** config.json of a regressor. With the cls head, transformers loads it as AutoModelForSequenceClassification. */
function classifierConfig({ family, head, source }: BertConfig): Readonly<Record<string, unknown>> {
  const { _name_or_path, gradient_checkpointing, readability_head, ...kept } = source;
  const { architecture } = families[family];
  return {
    ...kept,
    architectures: [head === "cls" ? `${architecture}ForSequenceClassification` : `${architecture}Model`],
    problem_type: "regression",
    id2label: { "0": "readability" },
    label2id: { readability: 0 },
    dtype: "float32",
    torch_dtype: "float32",
    ...(head === "cls" ? {} : { readability_head: head }),
  };
}
