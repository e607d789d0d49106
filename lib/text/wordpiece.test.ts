import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWordPiece } from "./wordpiece.js";

const unknown = 0;

/** The definition: the longest token that begins the word, then the longest that goes on. */
function encodeByDefinition(vocab: Readonly<Record<string, number>>, word: string, longest: number): number[] {
  const characters = [...word];
  if (characters.length > longest) return [unknown];
  const ids: number[] = [];
  for (let begin = 0; begin < characters.length; ) {
    let end = characters.length;
    const token = () => (begin > 0 ? "##" : "") + characters.slice(begin, end).join("");
    while (end > begin && !Object.hasOwn(vocab, token())) end--;
    if (end === begin) return [unknown];
    ids.push(vocab[token()]!);
    begin = end;
  }
  return ids;
}

describe("createWordPiece", () => {
  const text = (maxLength: number) => fc.string({ unit: fc.constantFrom("a", "b", "c", "#", "𐍈", "𐍉"), minLength: 1, maxLength });
  const token = fc.tuple(fc.boolean(), text(6)).map(([goesOn, text]) => (goesOn ? "##" : "") + text);
  const vocabularies = fc
    .uniqueArray(token, { maxLength: 30 })
    .map((tokens) => Object.fromEntries([["[UNK]", unknown], ...tokens.map((token, i) => [token, i + 1])]));

  it("gives the longest tokens from left to right, in at most two steps a character and one", () => {
    fc.assert(
      fc.property(vocabularies, fc.array(text(14), { maxLength: 20 }), fc.integer({ min: 1, max: 12 }), (vocab, words, longest) => {
        const encode = createWordPiece({ vocab, unk_token: "[UNK]", max_input_chars_per_word: longest }, unknown);
        for (const word of words) {
          const ids = [7];
          expect(encode(word, ids)).toBeLessThanOrEqual(2 * word.length + 1);
          expect(ids).toEqual([7, ...encodeByDefinition(vocab, word, longest)]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("takes as many steps for a word of any kind as for others of its length", () => {
    const tokens = ["a", "##a", "##aa", "##aab", "##aaaab", "a".repeat(40), `##${"a".repeat(90)}b`];
    const encode = createWordPiece({ vocab: Object.fromEntries(tokens.map((token, i) => [token, i + 1])), unk_token: "" }, unknown);
    for (const unit of ["a", "aab", "aaaab", "aaaaaaac", "z"])
      for (const length of [10, 99, 100_000]) {
        const word = unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
        expect(encode(word, [])).toBeLessThanOrEqual(2 * length + 1);
      }
  });

  it("takes another prefix, also none", () => {
    const encode = (prefix: string, vocab: Record<string, number>, word: string) => {
      const ids: number[] = [];
      createWordPiece({ vocab, unk_token: "", continuing_subword_prefix: prefix }, unknown)(word, ids);
      return ids;
    };
    expect(encode("@", { a: 1, "@b": 2, "##b": 3 }, "ab")).toEqual([1, 2]);
    expect(encode("", { a: 1, b: 2 }, "abba")).toEqual([1, 2, 2, 1]);
  });
});
