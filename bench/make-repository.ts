import { join } from "node:path";
import { bertTiny, writeRandomBert } from "./random-bert.js";
import { runProgram, serviceCommand } from "./servers.js";

/**
 * Runs optimization to make a repository whose version holds the quantized graph and the float32 one.
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
  process.stderr.write(await runProgram("optimization", serviceCommand("optimization", args), signal));
  return out;
}
