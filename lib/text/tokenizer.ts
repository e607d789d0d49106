import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as Encoder } from "@huggingface/tokenizers";
import { fail, reason } from "../errors/errors.js";
import { writeFileAtomic } from "../storage/files.js";
import { type BertNormalizer, createWordSplitter } from "./bert-words.js";
import {
  readJsonIfThere,
  readTokenizerFile,
  readTokenizerJson,
  type TokenizerConfig,
  type TokenizerFile,
  type TokenizerJson,
} from "./tokenizer-file.js";
import { createWordPiece, type WordEncoder, type WordPieceModel } from "./wordpiece.js";

export interface Tokenizer {
  /** The ids of a text between its special tokens, however many they are. What looks like a special token in the text is text. */
  encode(text: string): number[];
  /** How many ids a text has, special tokens not counted. 0 for a text without anything that the model reads, such as a lone accent. */
  countTokens(text: string): number;
  /** At most `maxLength` ids: the first of the text between all of its special tokens, as Hugging Face tokenizers truncate. @throws short-window */
  encodeTruncated(text: string, maxLength: number): number[];
  readonly padId: number;
  /** The ids put before and after every text. */
  readonly specials: { readonly prefix: readonly number[]; readonly suffix: readonly number[] };
  /** The length tokenizer.json truncates at, special tokens included. */
  readonly maxLength: number | undefined;
  /** How many tokens it knows. */
  readonly vocabularySize: number;
  /** The largest id that it gives. The model's vocab_size must be larger. */
  readonly largestId: number;
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

/**
 * The tokenizer of a checkpoint or model version.
 * @throws no-tokenizer, bad-tokenizer
 */
export function loadTokenizer(folder: string): Tokenizer {
  const source = readTokenizerFile(folder);
  const { json, config, vocabulary } = source;
  const { specials, encodeText } = createEncoder(source);
  const encode = (text: string) => [...specials.prefix, ...encodeText(text), ...specials.suffix];
  return {
    encode,
    countTokens: (text) => encodeText(text).length,
    encodeTruncated(text, maxLength) {
      const room = roomForText({ specials }, maxLength);
      return [...specials.prefix, ...encodeText(text).slice(0, room), ...specials.suffix];
    },
    padId: findPadId(json, config),
    specials,
    maxLength: json.truncation?.max_length,
    vocabularySize: vocabulary.size,
    largestId: [...vocabulary.values()].reduce((a, b) => Math.max(a, b), 0),
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

/** A word longer than this is encoded in parts by models other than WordPiece, whose time may grow faster than the word. */
const longestWord = 1024;

/**
 * Hugging Face's JavaScript tokenizer adds the special tokens, and encodes texts for other models than BERT's. It does not see special
 * tokens in a text, as they are not among the added tokens that it knows.
 * @throws bad-tokenizer
 */
function createEncoder({ file, json, config, vocabulary }: TokenizerFile) {
  try {
    const { model, added_tokens = [] } = json;
    const hidden = Object.fromEntries(added_tokens.filter(({ special }) => special).map(({ content, id }) => [content, id]));
    const vocab = Array.isArray(model?.vocab) ? model.vocab : { ...hidden, ...model?.vocab };
    const plain = { ...json, model: { ...model, vocab }, added_tokens: added_tokens.filter(({ special }) => !special) };
    const encoder = new Encoder(plain, config);
    const encodeWord = isWordPiece(model) ? createWordPiece(model, findUnknown(model, vocabulary)) : undefined;
    boundWords(encoder, encodeWord);
    const specials = findSpecials((text) => encoder.encode(text).ids);
    const byLibrary = (text: string) => encoder.encode(text, { add_special_tokens: false }).ids;
    const isBert = json.normalizer?.type === "BertNormalizer" && json.pre_tokenizer?.type === "BertPreTokenizer";
    const encodeText =
      isBert && encodeWord && plain.added_tokens.length === 0 ? encodeBert(json.normalizer as BertNormalizer, encodeWord) : byLibrary;
    if ([...specials.prefix, ...encodeText("a text"), ...specials.suffix].every(Number.isInteger)) return { specials, encodeText };
  } catch (error) {
    return fail("bad-tokenizer", { file, problem: reason(error) }, error);
  }
  return fail("bad-tokenizer", { file, problem: "it produces tokens that its vocabulary lacks" });
}

function encodeBert(normalizer: BertNormalizer, encodeWord: WordEncoder): (text: string) => number[] {
  const splitWords = createWordSplitter(normalizer);
  return (text) => {
    const ids: number[] = [];
    for (const word of splitWords(text)) encodeWord(word, ids);
    return ids;
  };
}

/** Older files do not name the type. */
function isWordPiece(model: object | undefined): model is WordPieceModel {
  const { type, ...rest } = (model ?? {}) as { readonly type?: string };
  return type === "WordPiece" || (type === undefined && "unk_token" in rest && "continuing_subword_prefix" in rest && !("merges" in rest));
}

function findUnknown({ unk_token }: WordPieceModel, vocabulary: ReadonlyMap<string, number>): number {
  const id = vocabulary.get(unk_token);
  if (id === undefined) throw new Error(`its vocabulary lacks its unknown token ${JSON.stringify(unk_token)}`);
  return id;
}

/** Keeps the time of the library's model linear in the length of a word. Its own WordPiece is cubic. */
function boundWords({ model }: Encoder, encodeWord: WordEncoder | undefined): void {
  const encode = model!.encode.bind(model);
  const cut = (word: string) => (word.length > longestWord ? word.match(new RegExp(`.{1,${longestWord}}`, "gsu"))! : [word]);
  model!.encode = (words: string[]) => {
    if (encodeWord === undefined) return encode(words.flatMap(cut));
    const ids: number[] = [];
    for (const word of words) encodeWord(word, ids);
    return ids.map((id) => model!.vocab[id]!);
  };
}

/** An empty text shows which tokens are added, another one where. */
function findSpecials(encode: (text: string) => number[]): Tokenizer["specials"] {
  const all = encode("");
  const other = encode("a");
  const length = all.findIndex((id, i) => id !== other[i]);
  const cut = length === -1 ? all.length : length;
  return { prefix: all.slice(0, cut), suffix: all.slice(cut) };
}

function findPadId(json: TokenizerJson, { pad_token }: TokenizerConfig): number {
  const name = typeof pad_token === "string" ? pad_token : pad_token?.content;
  const names = name === undefined ? ["[PAD]", "<pad>"] : [name];
  return json.added_tokens?.find((token) => names.includes(token.content))?.id ?? json.padding?.pad_id ?? 0;
}
