import { join } from "node:path";
import { launchService, runProgram } from "./processes.js";
import { bertTiny, writeRandomBert } from "./random-bert.js";

/**
 * Has optimization make a repository whose version holds the quantized graph and the float32 one.
 * @param small serves a small BERT of random weights with the tokenizer of `model`
 * @returns the repository, below `folder`
 */
export async function makeRepository(
  folder: string,
  { model, small }: { readonly model: string; readonly small: boolean },
  signal: AbortSignal,
): Promise<string> {
  const served = small ? writeRandomBert(join(folder, "model"), bertTiny, model, 256) : model;
  const out = join(folder, "repository");
  const args = ["--model", served, "--out", out, "--precision", "int8"];
  process.stderr.write(await runProgram(launchService("optimization", args), signal));
  return out;
}
