import { existsSync } from "node:fs";
import { join } from "node:path";
import { fail, ReadabilityError, reason } from "../errors/errors.js";
import { readFile } from "../storage/files.js";
import type { BertNormalizer } from "./bert-words.js";

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
}

export interface TokenizerJson {
  readonly truncation?: { readonly max_length: number } | null;
  readonly padding?: { readonly pad_id: number } | null;
  readonly added_tokens?: readonly AddedToken[];
  readonly normalizer?: { readonly type?: string } | null;
  readonly pre_tokenizer?: { readonly type?: string } | null;
  readonly model?: { readonly type?: string; readonly vocab?: Readonly<Record<string, number>> | readonly unknown[] };
}

export interface TokenizerConfig {
  readonly pad_token?: string | { readonly content: string } | null;
  readonly do_lower_case?: boolean;
  readonly strip_accents?: boolean | null;
  readonly tokenize_chinese_chars?: boolean;
}

/** What the files of a tokenizer say. */
export interface TokenizerFile {
  /** Path of tokenizer.json. */
  readonly file: string;
  readonly json: TokenizerJson;
  readonly config: TokenizerConfig;
  /** Tokens to ids, the added tokens among them. */
  readonly vocabulary: ReadonlyMap<string, number>;
}

/** @throws no-tokenizer, bad-tokenizer */
export function readTokenizerFile(folder: string): TokenizerFile {
  const file = join(folder, "tokenizer.json");
  const json = readTokenizerJson(folder);
  const config: TokenizerConfig = readJsonIfThere(join(folder, "tokenizer_config.json")) ?? {};
  try {
    checkPatterns(file, json);
    checkAgreement(folder, json, config);
    return { file, json, config, vocabulary: readVocabulary(file, json) };
  } catch (error) {
    if (error instanceof ReadabilityError) throw error;
    return fail("bad-tokenizer", { file, problem: reason(error) }, error); // a list that is none, or nesting too deep to be read
  }
}

/** @throws no-tokenizer, bad-tokenizer */
export function readTokenizerJson(folder: string): TokenizerJson {
  return readJsonIfThere<TokenizerJson>(join(folder, "tokenizer.json")) ?? fail("no-tokenizer", { folder });
}

/** @throws bad-tokenizer */
export function readJsonIfThere<T>(file: string): T | undefined {
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

function readVocabulary(file: string, { model, added_tokens = [] }: TokenizerJson): Map<string, number> {
  const { vocab } = model ?? {};
  if (typeof vocab !== "object" || vocab === null) return fail("bad-tokenizer", { file, problem: "it has no model with a vocabulary" });
  // Unigram has a list of tokens with their scores.
  const entries = Array.isArray(vocab)
    ? vocab.map((entry, id) => [String([entry].flat()[0]), id] as const)
    : Object.entries(vocab as Readonly<Record<string, number>>);
  const vocabulary = new Map<string, number>([...entries, ...added_tokens.map(({ content, id }) => [content, id] as const)]);
  for (const [token, id] of vocabulary)
    if (!Number.isInteger(id) || id < 0)
      fail("bad-tokenizer", { file, problem: `the id of ${JSON.stringify(token)} is ${JSON.stringify(id)}` });
  return vocabulary;
}

/** A regular expression can take exponential time. BERT, RoBERTa and their like have none. */
function checkPatterns(file: string, { normalizer, pre_tokenizer }: TokenizerJson): void {
  JSON.stringify([normalizer, pre_tokenizer], (key, value) => {
    const problem = `it splits or replaces by the regular expression ${JSON.stringify(value)}, which may take exponential time`;
    return key === "Regex" ? fail("bad-tokenizer", { file, problem }) : value;
  });
}

/** transformers lets tokenizer_config.json overrule the normalizer of tokenizer.json. If they differ, so would the scores. */
function checkAgreement(folder: string, { normalizer }: TokenizerJson, config: TokenizerConfig): void {
  if (normalizer?.type !== "BertNormalizer") return;
  const { lowercase, strip_accents, handle_chinese_chars } = normalizer as BertNormalizer;
  const settings = [
    ["do_lower_case", config.do_lower_case, "lowercase", lowercase],
    ["strip_accents", config.strip_accents, "strip_accents", strip_accents ?? lowercase],
    ["tokenize_chinese_chars", config.tokenize_chinese_chars, "handle_chinese_chars", handle_chinese_chars],
  ] as const;
  for (const [name, stated, field, used] of settings) {
    const problem = `its ${name} is ${stated}, but ${field} of the normalizer in tokenizer.json is ${used}`;
    if ((stated ?? used) !== used) fail("bad-tokenizer", { file: join(folder, "tokenizer_config.json"), problem });
  }
}
