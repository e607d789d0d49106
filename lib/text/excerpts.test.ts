import { expect, it } from "vitest";
import { cutExcerpts } from "./excerpts.js";

const sentence = (i: number) => `Sentence ${i} has six words altogether.`;
const texts = Array.from({ length: 40 }, (_, i) => Array.from({ length: 10 }, (_, k) => sentence(10 * i + k)).join(" "));

it.each([3, 6, 12, 25])("begins with a sentence and has %i words", (words) => {
  const excerpts = cutExcerpts(texts, words);
  expect(new Set(excerpts).size).toBe(texts.length);
  excerpts.forEach((excerpt, i) => {
    expect(texts[i]).toContain(excerpt);
    expect(excerpt).toMatch(/^Sentence/);
    expect(excerpt!.split(" ")).toHaveLength(words);
  });
  const places = excerpts.map((excerpt, i) => texts[i]!.indexOf(excerpt!));
  expect(new Set(places).size).toBeGreaterThan(5); // not always the first sentence
  expect(cutExcerpts(texts, words)).toEqual(excerpts);
});

it("has none of a text that is not longer", () => {
  expect(cutExcerpts(["One two three.", "One two three four."], 3)).toEqual([undefined, "One two three"]);
});
