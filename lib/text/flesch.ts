import { flesch } from "flesch";
import { syllable } from "syllable";
import { splitSentences } from "./sentences.js";

/** Flesch reading ease of a text: 100 is very easy, 0 very hard. Flesch 1948. A text without words has that of one word. */
export const readingEase = (text: string): number => flesch(countParts(text));

/** Flesch-Kincaid grade of a text: the school year that reads it. Kincaid et al. 1975. */
export function gradeLevel(text: string): number {
  const { sentence, word, syllable } = countParts(text);
  return 0.39 * (word / sentence) + 11.8 * (syllable / word) - 15.59;
}

/** At least one of each. */
function countParts(text: string): { readonly sentence: number; readonly word: number; readonly syllable: number } {
  const words = text.match(/\p{L}[\p{L}\p{M}'’-]*/gu) ?? [];
  const syllables = words.reduce((sum, word) => sum + countSyllables(word), 0);
  return { sentence: Math.max(1, splitSentences(text).length), word: Math.max(1, words.length), syllable: Math.max(1, syllables) };
}

const counted = new Map<string, number>();
const mostCounted = 100_000;

function countSyllables(word: string): number {
  const known = counted.get(word);
  if (known !== undefined) return known;
  if (counted.size >= mostCounted) counted.clear();
  const count = syllable(word);
  counted.set(word, count);
  return count;
}
