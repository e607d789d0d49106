import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { fail } from "../errors/errors.js";
import { readFile } from "./files.js";

/** The weights of a checkpoint in Hugging Face format, in one file. */
export const weightsFile = "model.safetensors";
/** Lists the files that the weights of a large checkpoint are split into. */
const indexFile = "model.safetensors.index.json";
const otherFormats = ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"];

const indexSchema = z.object({
  weight_map: z.record(
    z.string(),
    z.string().refine((name) => name === basename(name)),
  ),
});

export function hasWeights(folder: string): boolean {
  return [weightsFile, indexFile].some((name) => existsSync(join(folder, name)));
}

/**
 * The files that hold a checkpoint's weights: model.safetensors, or the shards of its index.
 * @throws no-file, with how to convert weights of another format; bad-safetensors for an index that does not list files of the folder
 */
export function listWeightFiles(folder: string): readonly string[] {
  const [file, index] = [join(folder, weightsFile), join(folder, indexFile)];
  if (existsSync(file)) return [file];
  if (existsSync(index)) return listShards(folder, index);
  const other = otherFormats.find((name) => existsSync(join(folder, name)));
  const what = "a checkpoint's weights";
  if (other === undefined) return fail("no-file", { file, what, remedy: "Put the checkpoint's model.safetensors there." });
  const remedy = `Convert it with transformers: AutoModelForSequenceClassification.from_pretrained("${folder}").save_pretrained("${folder}").`;
  return fail("no-file", { file, what: `${what}; ${other} is there instead`, remedy });
}

function listShards(folder: string, index: string): readonly string[] {
  const text = readFile(index, "", "").toString("utf8");
  try {
    const { weight_map } = indexSchema.parse(JSON.parse(text));
    return [...new Set(Object.values(weight_map))].sort().map((name) => join(folder, name));
  } catch (error) {
    return fail("bad-safetensors", { file: index, problem: "its weight_map does not list files of its folder" }, error);
  }
}
