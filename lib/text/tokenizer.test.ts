import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyFolder } from "../../test/tiny-models.js";
import { writeByteLevelTokenizer, writeWordPieceTokenizer } from "../../test/tiny-tokenizers.js";
import { shipped } from "../system/package-files.js";
import { loadTokenizer, writeTokenizerFiles } from "./tokenizer.js";

const folder = mkdtempSync(join(tmpdir(), "tokenizer-"));
const wordPiece = join(folder, "wordpiece");
const byteLevel = join(folder, "bytelevel");
beforeAll(() => {
  writeWordPieceTokenizer(wordPiece);
  writeByteLevelTokenizer(byteLevel);
});
afterAll(() => rmSync(folder, { recursive: true }));

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));

describe("loadTokenizer", () => {
  it("encodes with special tokens and does not cut", () => {
    const { vocab } = readJson(wordPiece, "tokenizer.json").model;
    const ids = (tokens: string) => tokens.split(" ").map((token) => vocab[token]);
    const tokenizer = loadTokenizer(wordPiece);
    expect(tokenizer.encode("The CAT sat, Màtting!")).toEqual(ids("[CLS] the cat sat , mat ##t ##ing ! [SEP]"));
    expect(tokenizer.encode("")).toEqual(ids("[CLS] [SEP]"));
    expect(tokenizer.encode("cat §§ abß")).toEqual(ids("[CLS] cat [UNK] [UNK] [UNK] [SEP]"));
    expect(tokenizer.encode("cat ".repeat(500))).toHaveLength(502);
  });

  it("finds special tokens, padding, length and the size of the vocabulary", () => {
    const size = (folder: string) => {
      const { vocab } = readJson(folder, "tokenizer.json").model;
      return { vocabularySize: Object.keys(vocab).length, largestId: Object.keys(vocab).length - 1 };
    };
    expect(loadTokenizer(wordPiece)).toMatchObject({
      specials: { prefix: [2], suffix: [3] },
      padId: 0,
      maxLength: 128,
      ...size(wordPiece),
    });
    expect(loadTokenizer(byteLevel)).toMatchObject({
      specials: { prefix: [0], suffix: [2] },
      padId: 1,
      maxLength: undefined,
      ...size(byteLevel),
    });
  });

  it.each(["wordpiece", "bytelevel"])("takes special tokens in a text for text (%s)", (name) => {
    const { encode, specials } = loadTokenizer(join(folder, name));
    const names = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "<s>", "</s>", "<pad>", "<mask>", "<unk>"];
    const special = readJson(folder, name, "tokenizer.json").added_tokens as { id: number; content: string }[];
    const ids = encode(names.join(" the ")).slice(specials.prefix.length, -specials.suffix.length);
    for (const { id, content } of special) if (content !== "[UNK]") expect(ids, content).not.toContain(id);
    expect(ids.length).toBeGreaterThan(names.length * 3);
  });

  it("counts tokens, and none in a text that has nothing to read", () => {
    const { countTokens } = loadTokenizer(wordPiece);
    expect(["the cat", "matting", "", " \n", "\u0301", "\u200b\u0301 \ufffd"].map(countTokens)).toEqual([2, 3, 0, 0, 0, 0]);
  });

  interface Json {
    readonly model: { readonly vocab: object };
    readonly added_tokens: readonly object[];
    readonly normalizer: object;
    readonly pre_tokenizer: object;
  }
  type Edit = (json: Json) => Partial<Json>;

  const load = (edit: Edit, config: object = {}) => {
    const place = join(folder, `changed-${readdirSync(folder).length}`);
    mkdirSync(place);
    const json = readJson(wordPiece, "tokenizer.json") as Json;
    writeFileSync(join(place, "tokenizer.json"), JSON.stringify({ ...json, ...edit(json) }));
    writeFileSync(join(place, "tokenizer_config.json"), JSON.stringify(config));
    return loadTokenizer(place);
  };
  const dog: Edit = ({ added_tokens }) => ({ added_tokens: [...added_tokens, { ...added_tokens[0], id: 999, content: "dog", special: false }] }); // biome-ignore format: one line

  it("gives the same ids by Hugging Face's library, where a file asks for what it alone can do", () => {
    const text = "The CAT sat, Màtting! matt\ned 中文 cat§ abc";
    const expected = loadTokenizer(wordPiece).encode(text);
    const edits: readonly Edit[] = [
      dog,
      ({ model }) => ({ model: JSON.parse(JSON.stringify({ ...model, type: undefined })) }),
      ({ normalizer }) => ({ normalizer: { type: "Sequence", normalizers: [normalizer] } }),
      ({ pre_tokenizer }) => ({ pre_tokenizer: { type: "Sequence", pretokenizers: [pre_tokenizer] } }),
    ];
    for (const edit of edits) expect(load(edit).encode(text)).toEqual(expected);
    expect(load(dog).encode("a dog")).toContain(999);
    expect(load(dog)).toMatchObject({ largestId: 999, vocabularySize: loadTokenizer(wordPiece).vocabularySize + 1 });
  });

  it("encodes an endless word by BPE in parts, and a long one as a whole", () => {
    const { encode } = loadTokenizer(byteLevel);
    const body = (text: string) => encode(text).slice(1, -1);
    expect(body(`${"a".repeat(1021)}thing`)).toEqual([...body(`${"a".repeat(1021)}thi`), ...body("ng")]);
    expect(body(`${"a".repeat(1019)}thing`)).toEqual([...body("a".repeat(1019)), ...body("thing")]);
    expect(body("é".repeat(50_000))).toHaveLength(100_000);
  });

  const split = { type: "Split", pattern: { Regex: "(a+)+$" }, behavior: "Isolated", invert: false };
  const vocab = (tokens: object): Edit => ({ model }) => ({ model: { ...model, vocab: { ...model.vocab, ...tokens } } }); // biome-ignore format: one line
  it.each<readonly [string, Edit, RegExp]>([
    ["an unknown token that is missing", ({ model }) => ({ model: { ...model, unk_token: "[NO]" } }), /lacks its unknown token "\[NO\]"/],
    ["an id that is not a number", vocab({ cat: "7" }), /the id of "cat" is "7"/],
    ["a negative id", vocab({ cat: -1 }), /the id of "cat" is -1/],
    [
      "to split by a regular expression",
      () => ({ pre_tokenizer: { type: "Sequence", pretokenizers: [split] } }),
      /regular expression "\(a\+\)\+\$"/,
    ],
    ["to replace by one", () => ({ normalizer: { type: "Replace", pattern: { Regex: "(a*)*b" }, content: "" } }), /regular expression/],
  ])("refuses %s", (_, edit, message) => {
    expect(() => load(edit)).toThrow(message);
  });

  it.each([
    ["added tokens that are no list", '"added_tokens":', "null"],
    ["nesting too deep to be read", '"normalizer":', "[".repeat(100_000) + "]".repeat(100_000)],
  ])("refuses %s", (_, name, value) => {
    const place = join(folder, `damaged-${readdirSync(folder).length}`);
    mkdirSync(place);
    writeFileSync(
      join(place, "tokenizer.json"),
      JSON.stringify(readJson(wordPiece, "tokenizer.json")).replace(name, `${name}${value},"rest":`),
    );
    expect(() => loadTokenizer(place)).toThrow(expect.objectContaining({ code: "bad-tokenizer" }));
  });

  it("refuses a tokenizer_config.json that contradicts tokenizer.json", () => {
    const configure = (config: object) => load(() => ({}), config);
    expect(() => configure({ do_lower_case: false })).toThrow(
      /do_lower_case is false, but lowercase of the normalizer in tokenizer\.json is true/,
    );
    expect(() => configure({ strip_accents: false })).toThrow(/strip_accents is false, but strip_accents of the normalizer .* is true/);
    expect(() => configure({ tokenize_chinese_chars: false })).toThrow(/handle_chinese_chars of the normalizer .* is true/);
    configure({ do_lower_case: true, strip_accents: true, tokenize_chinese_chars: true });
  });

  it("takes the padding token from tokenizer_config.json", () => {
    const other = join(folder, "other-pad");
    writeWordPieceTokenizer(other);
    writeFileSync(join(other, "tokenizer_config.json"), JSON.stringify({ pad_token: { content: "[MASK]" } }));
    expect(loadTokenizer(other).padId).toBe(4);
  });

  it.each(["wordpiece", "bytelevel"])("truncates the text and keeps every special token (%s)", (name) => {
    const tokenizer = loadTokenizer(join(folder, name));
    const { prefix, suffix } = tokenizer.specials;
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("the", " ", "a", "cat", ".", "é", "漢") }),
        fc.integer({ min: 3, max: 20 }),
        (text, length) => {
          const whole = tokenizer.encode(text);
          const cut = tokenizer.encodeTruncated(text, length);
          expect(cut).toHaveLength(Math.min(whole.length, length));
          const kept = cut.slice(prefix.length, cut.length - suffix.length);
          expect(cut).toEqual([...prefix, ...whole.slice(prefix.length, prefix.length + kept.length), ...suffix]);
        },
      ),
    );
  });

  it("refuses a length without room for text", () => {
    const tokenizer = loadTokenizer(wordPiece);
    for (const length of [2, 0, 3.5])
      expect(() => tokenizer.encodeTruncated("cat", length)).toThrow(/must be a whole number above 2, the number of special tokens/);
  });

  it("says what to place where the tokenizer is missing or none", () => {
    expect(() => loadTokenizer(folder)).toThrow(/has no tokenizer\.json.*Add tokenizer\.json/);
    const bad = join(folder, "bad");
    mkdirSync(bad);
    for (const [text, message] of [
      ["{", /Cannot use .*tokenizer\.json/],
      ["[]", /not a JSON object/],
      ["{}", /it has no model with a vocabulary/],
    ] as const) {
      writeFileSync(join(bad, "tokenizer.json"), text);
      expect(() => loadTokenizer(bad)).toThrow(message);
    }
  });
});

/** Byte-level BPE, and WordPiece between <s> and </s>; made by test/fixtures/make-tokenizers.py with transformers. */
describe.each(["roberta", "mpnet"] as const)("the tokenizer of %s", (family) => {
  const tokenizer = loadTokenizer(tinyFolder(family));

  it("gives transformers' ids of plain and tricky texts", () => {
    const cases = readJson(tinyFolder(family), "tokens.json") as { text: string; ids: number[] }[];
    expect(cases.length).toBeGreaterThan(20);
    for (const { text, ids } of cases) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
  });

  it("finds special tokens and padding", () => {
    expect(tokenizer).toMatchObject({ specials: { prefix: [0], suffix: [2] }, padId: 1 });
  });
});

describe("writeTokenizerFiles", () => {
  it("copies what there is, with the length and without padding; the tokens stay", () => {
    writeFileSync(join(wordPiece, "vocab.txt"), "[PAD]\n");
    writeFileSync(
      join(wordPiece, "tokenizer_config.json"),
      JSON.stringify({ pad_token: "[PAD]", model_max_length: 512, do_lower_case: true }),
    );
    const to = join(folder, "written");
    writeTokenizerFiles(wordPiece, to, 256);
    expect(readFileSync(join(to, "vocab.txt"), "utf8")).toBe("[PAD]\n");
    expect(existsSync(join(to, "merges.txt"))).toBe(false);
    expect(readJson(to, "tokenizer_config.json")).toEqual({ pad_token: "[PAD]", model_max_length: 256, do_lower_case: true });
    const { truncation, padding, ...rest } = readJson(to, "tokenizer.json");
    expect({ truncation, padding }).toEqual({
      truncation: { direction: "Right", max_length: 256, strategy: "LongestFirst", stride: 0 },
      padding: null,
    });
    expect(rest).toEqual((({ truncation: _, padding: __, ...rest }) => rest)(readJson(wordPiece, "tokenizer.json")));
    expect(loadTokenizer(to)).toMatchObject({ maxLength: 256, padId: 0 });
    expect(loadTokenizer(to).encode("The cat.")).toEqual(loadTokenizer(wordPiece).encode("The cat."));
  });

  it("works onto itself and where the base neither truncates nor has a tokenizer_config.json", () => {
    writeTokenizerFiles(byteLevel, byteLevel, 64);
    expect(loadTokenizer(byteLevel).maxLength).toBe(64);
    expect(readJson(byteLevel, "tokenizer_config.json")).toEqual({ model_max_length: 64 });
  });
});

describe("the tokenizer of the released model", () => {
  const tokenizer = loadTokenizer(shipped("models/readability-minilm"));
  // The reference takes special tokens in a text for themselves; with split_special_tokens=True they are text.
  const asText: Readonly<Record<string, readonly number[]>> = {
    "[CLS] inside [SEP] [MASK] text": [101, 1031, 18856, 2015, 1033, 2503, 1031, 19802, 1033, 1031, 7308, 1033, 3793, 102],
  };
  const check = (cases: readonly { text: string; ids: number[] }[]) => {
    for (const { text, ids } of cases) expect(tokenizer.encodeTruncated(text, 256), JSON.stringify(text)).toEqual(asText[text] ?? ids);
  };

  it("gives Hugging Face tokenizers' ids of plain and tricky texts", () => {
    const cases = readJson(shipped("test/fixtures/reference/tokens.json"));
    expect(cases).toHaveLength(53);
    check(cases);
  });

  const passages = shipped("../shared/reference/tokens.json"); // this repository must not contain their texts
  it.skipIf(!existsSync(passages))("gives their ids of CommonLit passages too", () => check(readJson(passages).cases));
});
