import { join } from "node:path";
import { fail } from "../errors/errors.js";
import { createRandom } from "../math/random.js";
import { writeFileAtomic } from "../storage/files.js";
import { encodeSafetensors, readSafetensors, type Tensor } from "../storage/safetensors.js";
import { type BertConfig, readConfig } from "./config.js";
import { type FamilyName, families } from "./families.js";
import { listParameters, type Parameter, sizeOf } from "./parameters.js";

/** A model with its weights, by the names of `listParameters`. */
export interface Checkpoint {
  readonly folder: string;
  readonly config: BertConfig;
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
}

export const weightsFile = "model.safetensors";

/**
 * Reads a checkpoint in Hugging Face format; stored float16 and bfloat16 are widened. Tensors that the model does not use are passed over.
 * @param fresh the head that is wanted, and the seed from which it is drawn where it is missing; without them it is config.json's and must be there
 * @throws no-file, bad-config, bad-safetensors, bad-tensor, no-tensor
 */
export function readCheckpoint(folder: string, fresh?: { readonly head: BertConfig["head"]; readonly seed: number }): Checkpoint {
  const read = readConfig(folder);
  const config = fresh ? { ...read, head: fresh.head } : read;
  const file = join(folder, weightsFile);
  const stored = new Map([...readSafetensors(file)].map(([name, tensor]) => [canonicalName(config.family, name), tensor]));
  const weights = new Map(
    listParameters(config).map((parameter, i) => {
      const tensor = stored.get(parameter.name);
      if (tensor) return [parameter.name, checkTensor(file, parameter, tensor)];
      if (!parameter.drawn || !fresh) {
        return fail("no-tensor", { file, tensor: parameter.name, shape: parameter.shape.join(", "), found: stored.size });
      }
      return [parameter.name, { shape: parameter.shape, data: drawParameter(parameter, config, fresh.seed, i) }];
    }),
  );
  return { folder, config, weights };
}

/** Old files name LayerNorm's tensors gamma and beta; bare encoders lack the prefix. */
function canonicalName(family: FamilyName, name: string): string {
  const renamed = name.replace(/LayerNorm\.gamma$/, "LayerNorm.weight").replace(/LayerNorm\.beta$/, "LayerNorm.bias");
  return /^(embeddings|embeddings_project|encoder|transformer|pooler)\./.test(renamed) ? `${family}.${renamed}` : renamed;
}

function checkTensor(file: string, { name, shape }: Parameter, tensor: Tensor): Tensor {
  const bad = (problem: string) => fail("bad-tensor", { file, tensor: name, problem });
  if (tensor.shape.join() !== shape.join()) bad(`its shape is [${tensor.shape.join(", ")}]; config.json requires [${shape.join(", ")}]`);
  if (!isAllFinite(tensor.data)) bad("it has values that are not finite");
  return tensor;
}

/** A sum is finite where all it is of is: float32 numbers do not reach float64's end. */
function isAllFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Number.isFinite(sum);
}

function drawParameter({ shape, drawn }: Parameter, config: BertConfig, seed: number, stream: number): Float32Array {
  const random = createRandom(seed, stream);
  const next = { normal: () => random.normal() * config.initializerRange, zeros: () => 0, ones: () => 1 }[drawn!];
  return Float32Array.from({ length: sizeOf(shape) }, next);
}

/** Writes weights and config.json; the tokenizer's files are lib/text's to write. @param dtype how the weights are stored; readers widen them */
export function writeCheckpoint(folder: string, { config, weights }: Omit<Checkpoint, "folder">, dtype: "F32" | "F16" = "F32"): void {
  writeFileAtomic(join(folder, weightsFile), encodeSafetensors(weights, dtype));
  writeFileAtomic(join(folder, "config.json"), `${JSON.stringify(classifierConfig(config), null, 2)}\n`);
}

/** config.json of a regressor; with its own head, transformers loads it as AutoModelForSequenceClassification. */
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
