import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { wordTokenizer } from "../../test/fakes.js";
import { writeByteLevelTokenizer, writeWordPieceTokenizer } from "../../test/tiny-tokenizers.js";
import { normalizeText } from "../text/normalize.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import { readTextHere, type Wanted } from "./reading.js";

const folder = mkdtempSync(join(tmpdir(), "reading-"));
writeWordPieceTokenizer(join(folder, "wordpiece"));
writeByteLevelTokenizer(join(folder, "bytelevel"));
const wordpiece = loadTokenizer(join(folder, "wordpiece"));
const bytelevel = loadTokenizer(join(folder, "bytelevel"));
afterAll(() => rmSync(folder, { recursive: true }));

const read = (text: string, wanted: Wanted = {}, tokenizer: Tokenizer = wordpiece, maxLength = 100) =>
  readTextHere({ tokenizer, maxLength }, text, wanted);

/** A tokenizer that counts the characters that it reads. */
function countCharacters(tokenizer: Tokenizer) {
  const counts = { characters: 0, longest: 0 };
  const note = (text: string) => {
    counts.characters += text.length;
    counts.longest = Math.max(counts.longest, text.length);
    return text;
  };
  const counting: Tokenizer = {
    ...tokenizer,
    encode: (text) => tokenizer.encode(note(text)),
    countTokens: (text) => tokenizer.countTokens(note(text)),
  };
  return { counts, counting };
}

describe("readTextHere", () => {
  it("tokenizes the normalized text", () => {
    const original = "The ﬁrst line ends\nhere: it was wrap-\nped.";
    expect(read(original).windows).toEqual({ ids: [wordpiece.encode(normalizeText(original))], weights: [expect.any(Number)] });
    expect(read(original)).toMatchObject({ warnings: [], formulas: undefined, sentences: [] });
  });

  it.each([
    ["nothing", ""],
    ["a lone combining mark", "\u0301"],
    ["a lone low surrogate", "\udc00"],
    ["marks between spaces", " \u0301 \n\u0316 "],
    ["what the tokenizer drops", "\u{e000}"],
  ])("refuses %s", (_, text) => {
    expect(() => read(text)).toThrow("The text is empty or blank.");
  });

  it("finds warnings and formulas if they are wanted", () => {
    const { warnings, formulas } = read("The cat sat on the mat.", { warnings: true, formulas: true });
    expect(warnings.map(({ code }) => code)).toEqual(["too-short"]);
    expect(formulas!.flesch_kincaid_grade).toBeCloseTo(-1.45);
  });

  it("finds sentences in the original text, and reads the text without each of them", () => {
    const original = " The ﬁrst\u00ad is here.\r\nThen  comes a sec-\r\nond one! The last?";
    const { sentences } = read(original, { sentences: true });
    expect(sentences.map(({ start, end }) => original.slice(start, end))).toEqual([
      "The ﬁrst\u00ad is here.",
      "Then  comes a sec-\r\nond one!",
      "The last?",
    ]);
    const rests = ["Then  comes a second one! The last?", "The first is here. The last?", "The first is here. Then  comes a second one!"];
    expect(sentences.map(({ rest }) => rest.ids)).toEqual(rests.map((text) => [wordpiece.encode(text)]));
  });

  it("leaves no white space of a sentence behind, which some tokenizers see", () => {
    const { sentences } = read("One a. Two b. Three c.", { sentences: true }, bytelevel);
    const rests = ["Two b. Three c.", "One a. Three c.", "One a. Two b."];
    expect(sentences.map(({ rest }) => rest.ids)).toEqual(rests.map((text) => [bytelevel.encode(text)]));
  });

  it("has nothing left without an only sentence", () => {
    expect(read("Only this.", { sentences: true }).sentences).toEqual([{ start: 0, end: 10, rest: { ids: [], weights: [] } }]);
  });

  it("refuses sentences of texts that are too long for it", () => {
    const many = (sentences: number) => "A cat sat. ".repeat(sentences);
    expect(read(many(20), { sentences: true }).sentences).toHaveLength(20); // 80 tokens: one window
    expect(read(many(60), { sentences: true }).sentences).toHaveLength(60);
    expect(() => read(many(61), { sentences: true })).toThrow(/has 61 sentences, .* and 3 windows\. .* at most 60 sentences/);
    expect(read(many(61), { sentences: true }, wordpiece, 500).sentences).toHaveLength(61);
    expect(() => read(`${"word ".repeat(6001)}.`, { sentences: true })).toThrow("at most 30000 characters");
  });

  it("stops soon in a text with more tokens than the limit", () => {
    const { counts, counting } = countCharacters(wordpiece);
    const text = "the cat sat ".repeat(100_000);
    const limit = { tokens: 5000, seconds: 30 };
    expect(() => read(text, { limit }, counting)).toThrow(/has more than 5000 tokens .* about 5000 in 30 s/);
    expect(counts.characters).toBeLessThan(30_000);
    expect(() => read(text, { limit: { ...limit, tokens: 299_000 } }, counting)).toThrow("more than 299000 tokens");
    expect(read(text, { limit: { ...limit, tokens: 310_000 } }, counting).windows.ids.length).toBeGreaterThan(3000);
  });

  it("puts every token of any text in a window, or says that there is none", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.boolean(), (text, sentences) => {
        try {
          const { windows } = readTextHere({ tokenizer: wordTokenizer, maxLength: 5 }, text, { sentences, warnings: true, formulas: true });
          expect(windows.weights.reduce((a, b) => a + b, 0)).toBe(wordTokenizer.countTokens(normalizeText(text)));
        } catch (error) {
          expect(error).toMatchObject({ code: "empty-text" });
        }
      }),
    );
  });
});
