import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../lib/math/random.js";
import { writeFileAtomic } from "../lib/storage/files.js";
import { writeRandomBert } from "./random-bert.js";
import { makeRepository } from "./servers.js";

export type Outcome = "accepted" | "refused";

/** What is attacked, in a process of its own. */
export interface Target {
  /** A damaged or hostile input. */
  make(random: Random): Buffer;
  /** @throws whatever is no proper refusal: a bug */
  run(input: Buffer): Promise<Outcome>;
}

/** Folders that attacks read from: a checkpoint, and the model repository made of it. */
export interface Site {
  readonly checkpoint: string;
  readonly repository: string;
}

/** Writes a model of 100 kB whose tokens are letters, so that thousands of its copies are read soon. @param tokenizer a checkpoint of BERT's tokenizer */
export async function makeSite(folder: string, tokenizer: string, signal: AbortSignal): Promise<Site> {
  const site = { checkpoint: join(folder, "checkpoint"), repository: join(folder, "repository") };
  const letters = join(folder, "letters");
  mkdirSync(letters);
  writeLetters(tokenizer, letters);
  writeRandomBert(site.checkpoint, "least", letters, 64);
  const quick = ["--precision", "int8", "--gate", "9", "--seconds", "0.05", "--rounds", "1", "--gate-rows", "4"];
  await makeRepository(site.checkpoint, site.repository, quick, signal);
  return site;
}

const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** The tokenizer with a vocabulary of letters. */
function writeLetters(from: string, to: string): void {
  const json = JSON.parse(readFileSync(join(from, "tokenizer.json"), "utf8"));
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const vocabulary = [...specials, ".", ",", "the", "cat", ...letters, ...letters.map((letter) => `##${letter}`)];
  json.model.vocab = Object.fromEntries(vocabulary.map((token, id) => [token, id]));
  for (const token of json.added_tokens) token.id = specials.indexOf(token.content);
  for (const token of Object.values<{ id: string; ids: number[] }>(json.post_processor.special_tokens))
    token.ids = [specials.indexOf(token.id)];
  writeFileAtomic(join(to, "tokenizer.json"), JSON.stringify(json));
}
