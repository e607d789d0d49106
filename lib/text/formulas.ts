import { automatedReadability } from "automated-readability";
import { colemanLiau } from "coleman-liau";
import { daleChallFormula } from "dale-chall-formula";
import { flesch } from "flesch";
import { fleschKincaid } from "flesch-kincaid";
import { gunningFog } from "gunning-fog";
import { smogFormula } from "smog-formula";
import { syllable } from "syllable";
import { easyWords } from "./dale-chall.js";
import { isTitle } from "./lines.js";
import { normalizeText } from "./normalize.js";
import { findSentences } from "./sentences.js";

/** What the formulas count in a text. */
type Counts = {
  readonly sentence: number;
  readonly word: number;
  readonly letter: number;
  readonly syllable: number;
  /** Words of three syllables or more. */
  readonly polysyllable: number;
  /** Those of them that Gunning calls hard: no names, no compounds, none that has three by -es, -ed or -ing alone. */
  readonly complex: number;
  /** Words that are no form of one on the Dale-Chall list, and no names. */
  readonly unfamiliar: number;
};

/**
 * One row a formula. Reading ease rises with ease, from about 0 to 100; Dale-Chall gives about 4 to 10; the others give a school grade.
 * Sources: Flesch 1948; Kincaid et al. 1975; McLaughlin 1969; Gunning 1952; Coleman & Liau 1975; Senter & Smith 1967; Chall & Dale 1995.
 */
const formulas = {
  flesch_reading_ease: flesch,
  flesch_kincaid_grade: fleschKincaid,
  smog: ({ sentence, polysyllable }) => smogFormula({ sentence, polysillabicWord: polysyllable }),
  gunning_fog: ({ sentence, word, complex }) => gunningFog({ sentence, word, complexPolysillabicWord: complex }),
  coleman_liau: colemanLiau,
  automated_readability: ({ sentence, word, letter }) => automatedReadability({ sentence, word, character: letter }),
  dale_chall: ({ sentence, word, unfamiliar }) => daleChallFormula({ sentence, word, difficultWord: unfamiliar }),
} as const satisfies Readonly<Record<string, (counts: Counts) => number>>;

type FormulaName = keyof typeof formulas;
export const formulaNames = Object.keys(formulas) as FormulaName[];
export type FormulaScores = { readonly [name in FormulaName]: number | null };

/** What each formula says of a text; null where the text has no sentence to count. @param text as `normalizeText` gives it */
export function applyFormulas(text: string): FormulaScores {
  const counts = countText(text);
  const scores = Object.entries(formulas).map(([name, formula]) => {
    const score = formula(counts);
    return [name, counts.word > 0 && Number.isFinite(score) ? score : null];
  });
  return Object.fromEntries(scores) as FormulaScores;
}

/** A text without a sentence counts as one word of one syllable here, so that a fit over many texts has a number for each. */
const oneWord = { sentence: 1, word: 1, syllable: 1 };

/** Flesch reading ease of a text as it was given: 100 is very easy, 0 very hard. */
export const readingEase = (text: string): number => applyFormulas(normalizeText(text)).flesch_reading_ease ?? flesch(oneWord);

/** Flesch-Kincaid grade of a text as it was given: the school year that reads it. */
export const gradeLevel = (text: string): number => applyFormulas(normalizeText(text)).flesch_kincaid_grade ?? fleschKincaid(oneWord);

const wordPattern = /\p{L}[\p{L}\p{M}'’-]*/gu;
/** Longer runs of letters are no words. */
const longestWord = 45;
/** Of so many words, a line without a stop is a sentence that lacks it; a shorter one is a heading, label or fragment. */
const fewestWords = 8;

/**
 * Counts words and sentences. A sentence ends in a stop; without one it has eight words or more and is not written as a title. Other
 * lines (headings, labels, short list items) count neither as sentences nor with their words. Numbers are no words.
 */
export function countText(text: string): Counts {
  const counts = { sentence: 0, word: 0, letter: 0, syllable: 0, polysyllable: 0, complex: 0, unfamiliar: 0 };
  for (const { start, end } of findSentences(text)) {
    const sentence = text.slice(start, end);
    const words = (sentence.match(wordPattern) ?? []).filter((word) => word.length <= longestWord);
    if (words.length === 0 || !(endsInStop(sentence) || (words.length >= fewestWords && !isTitle(sentence)))) continue;
    counts.sentence++;
    words.forEach((word, i) => {
      const facts = describeWord(word);
      const isName = i > 0 && /^\p{Lu}/u.test(word);
      counts.word++;
      counts.letter += facts.letters;
      counts.syllable += facts.syllables;
      if (facts.syllables >= 3) counts.polysyllable++;
      if (facts.complex && !isName) counts.complex++;
      if (!facts.familiar && !isName) counts.unfamiliar++;
    });
  }
  return counts;
}

const endsInStop = (sentence: string) => /[.!?…‽。！？](?:["'”’»)\]*_\s]|\p{Extended_Pictographic}|\ufe0f)*$/u.test(sentence.slice(-12));

interface WordFacts {
  readonly letters: number;
  readonly syllables: number;
  readonly complex: boolean;
  readonly familiar: boolean;
}

const described = new Map<string, WordFacts>();
const mostDescribed = 100_000;

function describeWord(word: string): WordFacts {
  const known = described.get(word);
  if (known !== undefined) return known;
  if (described.size >= mostDescribed) described.clear();
  const syllables = Math.max(1, syllable(word));
  const facts = {
    letters: word.replace(/[^\p{L}]/gu, "").length,
    syllables,
    complex:
      syllables >= 3 && !/\p{L}-\p{L}/u.test(word) && !(syllables === 3 && /(?:es|ed|ing)$/.test(word) && syllable(dropEnding(word)) < 3),
    familiar: isFamiliar(word.toLowerCase().replaceAll("’", "'")),
  };
  described.set(word, facts);
  return facts;
}

const dropEnding = (word: string) => word.replace(/(?:es|ed|ing)$/, "");

/** Whether a word, or each part of a compound, is on the Dale-Chall list, or a form of a word there that Chall and Dale count with it. */
function isFamiliar(word: string): boolean {
  if (easyWords.has(word) || easyWords.has(`${word}.`)) return true; // the list has "mr."
  const parts = word.split("-").filter((part) => part !== "");
  if (parts.length > 1) return parts.every(isFamiliar);
  const stems = endings.flatMap(([ending, replacements]) =>
    word.endsWith(ending) ? replacements.map((replacement) => word.slice(0, -ending.length) + replacement) : [],
  );
  return stems.some(
    (stem) => easyWords.has(stem) || (/(\p{L})\1$/u.test(stem) && /(?:ed|ing|er|est)$/.test(word) && easyWords.has(stem.slice(0, -1))),
  );
}

/** Regular endings, and what may stand in their place in the list. */
const endings: readonly (readonly [ending: string, replacements: readonly string[]])[] = [
  ["'s", [""]],
  ["s'", ["s", ""]],
  ["'", [""]],
  ["s", [""]],
  ["es", [""]],
  ["ies", ["y"]],
  ["d", [""]],
  ["ed", [""]],
  ["ied", ["y"]],
  ["ing", ["", "e"]],
  ["r", [""]],
  ["er", [""]],
  ["ier", ["y"]],
  ["st", [""]],
  ["est", [""]],
  ["iest", ["y"]],
  ["ly", [""]],
  ["n't", [""]],
  ["'ll", [""]],
  ["'ve", [""]],
  ["'re", [""]],
  ["'d", [""]],
  ["'m", [""]],
];
