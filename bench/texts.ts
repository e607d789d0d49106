import { readPassages } from "../lib/data/dataset.js";
import { createRandom } from "../lib/math/random.js";
import type { Tokenizer } from "../lib/text/tokenizer.js";

/** A set of texts, named by their length. */
export interface TextSet {
  /** "passages" as they are, or a number of tokens. */
  readonly name: string;
  /** Tokens of each text, special ones included, if all have the same length. */
  readonly tokens?: number;
  readonly texts: readonly string[];
}

/** `count` passages drawn at random; the seed decides which. */
export function drawPassages(data: string, count: number, seed: number): readonly string[] {
  const excerpts = readPassages(data, { targets: false }).passages.map(({ excerpt }) => excerpt);
  return createRandom(seed).shuffle(excerpts).slice(0, count);
}

/** One text per passage, each of exactly `tokens` tokens: words of the passages in their order, without those that would exceed it. */
export function cutToLength(passages: readonly string[], tokens: number, tokenizer: Tokenizer): readonly string[] {
  const specials = tokenizer.specials.prefix.length + tokenizer.specials.suffix.length;
  const words = passages.flatMap((passage) => passage.split(/\s+/).filter((word) => word !== ""));
  const sizes = new Map<string, number>();
  const sizeOf = (word: string) => {
    const size = sizes.get(word) ?? tokenizer.encode(` ${word}`).length - specials;
    sizes.set(word, size);
    return size;
  };
  const step = Math.floor(words.length / passages.length);
  return passages.map((_, i) => {
    const taken: string[] = [];
    let left = tokens - specials;
    for (let at = i * step; left > 0; at++) {
      const word = words[at % words.length]!;
      if (sizeOf(word) > left) continue;
      taken.push(word);
      left -= sizeOf(word);
    }
    const text = taken.join(" ");
    const found = tokenizer.encode(text).length;
    if (found !== tokens)
      throw new Error(`a text has ${found} tokens instead of ${tokens}: the tokenizer does not encode words independently`);
    return text;
  });
}
