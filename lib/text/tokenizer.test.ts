import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyFolder } from "../../test/tiny-models.js";
import { writeByteLevelTokenizer, writeWordPieceTokenizer } from "../../test/tiny-tokenizers.js";
import { root } from "../system/package-files.js";
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
    expect(tokenizer.encode("cat §§ [SEP]")).toEqual(ids("[CLS] cat [UNK] [UNK] [SEP] [SEP]"));
    expect(tokenizer.encode("cat ".repeat(500))).toHaveLength(502);
  });

  it("finds special tokens, padding and length", () => {
    expect(loadTokenizer(wordPiece)).toMatchObject({ specials: { prefix: [2], suffix: [3] }, padId: 0, maxLength: 128 });
    expect(loadTokenizer(byteLevel)).toMatchObject({ specials: { prefix: [0], suffix: [2] }, padId: 1, maxLength: undefined });
  });

  it("finds the largest id, of its vocabulary or of added tokens", () => {
    const { model } = readJson(wordPiece, "tokenizer.json");
    expect(loadTokenizer(wordPiece).largestId).toBe(Math.max(...Object.values<number>(model.vocab)));
    const added = join(folder, "added");
    writeWordPieceTokenizer(added);
    const json = readJson(added, "tokenizer.json");
    const extra = { ...json.added_tokens[0], id: 5000, content: "[EXTRA]" };
    writeFileSync(join(added, "tokenizer.json"), JSON.stringify({ ...json, added_tokens: [...json.added_tokens, extra] }));
    expect(loadTokenizer(added).largestId).toBe(5000);
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
      ["{}", /must contain a "model"/],
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

const reference = join(root, "..", "shared", "reference", "tokens.json");
const base = join(root, "..", "shared", "models", "all-MiniLM-L6-v2");

describe.skipIf(!existsSync(reference) || !existsSync(base))("against Hugging Face tokenizers", () => {
  it("gives the ids of every reference text", () => {
    const { cases } = readJson(reference) as { cases: { text: string; ids: number[] }[] };
    const tokenizer = loadTokenizer(base);
    expect(cases).toHaveLength(61);
    for (const { text, ids } of cases) expect(tokenizer.encodeTruncated(text, 256)).toEqual(ids);
  });
});
