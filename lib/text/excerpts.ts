import { findSentences } from "./sentences.js";

/** Words of the excerpts from which we learn how well short texts are scored. */
export const excerptWords = [3, 6, 12, 25, 50, 100] as const;

/**
 * Of each text, an excerpt of so many words that begins with one of its sentences, or none if the text is not longer than that. The
 * sentence depends on the text's place and the number of words alone.
 * @param texts as `normalizeText` gives them
 */
export function cutExcerpts(texts: readonly string[], words: number): (string | undefined)[] {
  return texts.map((text, i) => {
    const wordEnds = Array.from(text.matchAll(/\S+/g), ({ index, 0: word }) => ({ start: index, end: index + word.length }));
    if (wordEnds.length <= words) return undefined;
    const lastStart = wordEnds[wordEnds.length - words]!.start;
    const starts = findSentences(text).flatMap(({ start }) => (start <= lastStart ? [start] : []));
    const start = starts[(7 * i + words) % starts.length]!;
    const first = wordEnds.findIndex((word) => word.end > start);
    return text.slice(start, wordEnds[first + words - 1]!.end);
  });
}
