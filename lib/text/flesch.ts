import { flesch } from "flesch";
import { syllable } from "syllable";
import { splitSentences } from "./sentences.js";

/** Flesch reading ease of a text: 100 is very easy, 0 very hard. Flesch 1948. A text without words has that of one word. */
export function readingEase(text: string): number {
  const words = text.match(/\p{L}[\p{L}\p{M}'’-]*/gu) ?? [];
  return flesch({
    sentence: Math.max(1, splitSentences(text).length),
    word: Math.max(1, words.length),
    syllable: Math.max(
      1,
      words.reduce((sum, word) => sum + countSyllables(word), 0),
    ),
  });
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
