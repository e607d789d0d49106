import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const letters = [..."abcdefghijklmnopqrstuvwxyz"];

/** A BERT tokenizer (WordPiece, lower case) of letters and a few words, which like the hub's truncates at 128 and pads. */
export function writeWordPieceTokenizer(folder: string): void {
  const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const words = ["the", "cat", "sat", "on", "mat", "##ing", "##ed"];
  const tokens = [...specials, ...letters, ...letters.map((letter) => `##${letter}`), ..."0123456789.,;:!?'\"()-", ...words];
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  writeTokenizer(folder, {
    truncation: { direction: "Right", max_length: 128, strategy: "LongestFirst", stride: 0 },
    padding: { strategy: { Fixed: 128 }, direction: "Right", pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0, pad_token: "[PAD]" },
    added_tokens: specials.map((content, id) => ({ id, content, special: true, ...plain })),
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [special("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, special("[SEP]")],
      pair: [],
      special_tokens: { "[CLS]": { id: "[CLS]", ids: [2], tokens: ["[CLS]"] }, "[SEP]": { id: "[SEP]", ids: [3], tokens: ["[SEP]"] } },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  });
}

/** A RoBERTa tokenizer (byte-level BPE) of bytes and a few merges. */
export function writeByteLevelTokenizer(folder: string): void {
  const specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];
  const merges = ["t h", "th e", "Ġ the", "Ġ a", "i n", "in g", "Ċ Ċ", ". ."];
  const tokens = [...specials, ...byteLetters(), ...merges.map((merge) => merge.replace(" ", ""))];
  writeTokenizer(folder, {
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({ id, content, special: true, ...plain })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: { type: "RobertaProcessing", sep: ["</s>", 2], cls: ["<s>", 0], trim_offsets: true, add_prefix_space: false },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: "BPE", unk_token: null, merges, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) },
  });
}

const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };

function writeTokenizer(folder: string, json: unknown): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify({ version: "1.0", ...(json as object) }));
}

/** GPT-2's letters for the 256 bytes: printable ones stand for themselves. */
function byteLetters(): string[] {
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}
