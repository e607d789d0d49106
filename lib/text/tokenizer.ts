import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as Encoder } from "@huggingface/tokenizers";
import { fail, reason } from "../errors/errors.js";
import { readFile, writeFileAtomic } from "../storage/files.js";

export interface Tokenizer {
  /** The ids of a text with its special tokens, however many they are. */
  encode(text: string): number[];
  /** At most `maxLength` ids: the first of the text between all of its special tokens, as Hugging Face tokenizers truncate. @throws short-window */
  encodeTruncated(text: string, maxLength: number): number[];
  readonly padId: number;
  /** The ids put before and after every text. */
  readonly specials: { readonly prefix: readonly number[]; readonly suffix: readonly number[] };
  /** The largest id of its vocabulary. */
  readonly largestId: number;
  /** The length tokenizer.json truncates at, special tokens included. */
  readonly maxLength: number | undefined;
}

/** What a checkpoint may hold of its tokenizer; tokenizer.json alone is required. */
export const tokenizerFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
] as const;

interface TokenizerJson {
  /** Ids by token, or the tokens in the order of their ids. */
  readonly model: { readonly vocab: Readonly<Record<string, number>> | readonly unknown[] };
  readonly truncation?: { readonly max_length: number } | null;
  readonly padding?: { readonly pad_id: number } | null;
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
}

interface TokenizerConfig {
  readonly pad_token?: string | { readonly content: string } | null;
}

/**
 * The tokenizer of a checkpoint or model version.
 * @throws no-tokenizer, bad-tokenizer
 */
export function loadTokenizer(folder: string): Tokenizer {
  const json = readTokenizerJson(folder);
  const config: TokenizerConfig = readJsonIfThere(join(folder, "tokenizer_config.json")) ?? {};
  const encode = createEncoder(join(folder, "tokenizer.json"), json, config);
  const specials = findSpecials(encode);
  return {
    encode,
    encodeTruncated(text, maxLength) {
      const room = roomForText({ specials }, maxLength);
      const ids = encode(text);
      return ids.length <= maxLength ? ids : [...ids.slice(0, specials.prefix.length + room), ...specials.suffix];
    },
    padId: findPadId(json, config),
    specials,
    largestId: findLargestId(json),
    maxLength: json.truncation?.max_length,
  };
}

/** How many tokens of text fit in `maxLength` beside the special ones. @throws short-window where none do */
export function roomForText({ specials }: Pick<Tokenizer, "specials">, maxLength: number): number {
  const count = specials.prefix.length + specials.suffix.length;
  if (!Number.isInteger(maxLength) || maxLength <= count) fail("short-window", { maxLength, specials: count });
  return maxLength - count;
}

/**
 * Copies a tokenizer into a checkpoint that is trained on `maxLength` tokens: it truncates there and does not pad.
 * @throws no-tokenizer, bad-tokenizer, file-failed
 */
export function writeTokenizerFiles(from: string, to: string, maxLength: number): void {
  const json = readTokenizerJson(from);
  const config = readJsonIfThere<TokenizerConfig>(join(from, "tokenizer_config.json"));
  const truncation = { direction: "Right", strategy: "LongestFirst", ...json.truncation, max_length: maxLength, stride: 0 };
  const changed: Readonly<Record<string, unknown>> = {
    "tokenizer.json": { ...json, truncation, padding: null },
    "tokenizer_config.json": { ...config, model_max_length: maxLength },
  };
  for (const name of tokenizerFiles) {
    if (name in changed) writeFileAtomic(join(to, name), `${JSON.stringify(changed[name], null, 2)}\n`);
    else if (existsSync(join(from, name))) writeFileAtomic(join(to, name), readFileSync(join(from, name)));
  }
}

function readTokenizerJson(folder: string): TokenizerJson {
  return readJsonIfThere<TokenizerJson>(join(folder, "tokenizer.json")) ?? fail("no-tokenizer", { folder });
}

function readJsonIfThere<T>(file: string): T | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFile(file, "", "").toString("utf8");
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as T;
  } catch (error) {
    return fail("bad-tokenizer", { file, problem: reason(error) }, error);
  }
  return fail("bad-tokenizer", { file, problem: "it is not a JSON object" });
}

function createEncoder(file: string, json: TokenizerJson, config: TokenizerConfig): (text: string) => number[] {
  try {
    const encoder = new Encoder(json, config);
    const encode = (text: string) => encoder.encode(text).ids;
    if (encode("a text").every(Number.isInteger)) return encode;
  } catch (error) {
    return fail("bad-tokenizer", { file, problem: reason(error) }, error);
  }
  return fail("bad-tokenizer", { file, problem: "it produces tokens that its vocabulary lacks" });
}

/** An empty text shows which tokens are added, another one where. */
function findSpecials(encode: (text: string) => number[]): Tokenizer["specials"] {
  const all = encode("");
  const other = encode("a");
  const length = all.findIndex((id, i) => id !== other[i]);
  const cut = length === -1 ? all.length : length;
  return { prefix: all.slice(0, cut), suffix: all.slice(cut) };
}

function findLargestId({ model: { vocab }, added_tokens = [] }: TokenizerJson): number {
  const ids = Array.isArray(vocab) ? [vocab.length - 1] : Object.values<number>(vocab as Readonly<Record<string, number>>);
  return [...ids, ...added_tokens.map(({ id }) => id)].reduce((a, b) => Math.max(a, b), 0);
}

function findPadId(json: TokenizerJson, { pad_token }: TokenizerConfig): number {
  const name = typeof pad_token === "string" ? pad_token : pad_token?.content;
  const names = name === undefined ? ["[PAD]", "<pad>"] : [name];
  return json.added_tokens?.find((token) => names.includes(token.content))?.id ?? json.padding?.pad_id ?? 0;
}
