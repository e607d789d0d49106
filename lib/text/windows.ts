import { splitSentences } from "./sentences.js";
import { roomForText, type Tokenizer } from "./tokenizer.js";

export interface TextScore {
  /** A float32. */
  readonly score: number;
  /** Tokens of the text, special ones not counted. */
  readonly tokens: number;
  /** How many windows the text was scored in: 1 where it fits. */
  readonly windows: number;
}

/** A text as the model reads it. */
export interface Windows {
  /** Token ids of each window, special tokens included. */
  readonly ids: readonly number[][];
  /** Tokens that each window counts for in the text's score. Their sum is the number of the text's tokens. */
  readonly weights: readonly number[];
}

/** The score of a text: that of its only window, or the mean of its windows' scores by weight. @param scores one a window */
export function combineScores({ weights }: Pick<Windows, "weights">, scores: ArrayLike<number>): TextScore {
  const tokens = weights.reduce((a, b) => a + b, 0);
  if (weights.length === 1) return { score: scores[0]!, tokens, windows: 1 };
  const mean = weights.reduce((sum, weight, i) => sum + scores[i]! * weight, 0) / tokens;
  return { score: Math.fround(mean), tokens, windows: weights.length };
}

/**
 * The ids of a text in windows of at most `maxLength`, each with its special tokens: one window with exactly `encode(text)` if that
 * fits; else as few windows as possible, cut at the ends of sentences and about equally full. A sentence longer than a window is cut
 * between tokens.
 * @throws short-window
 */
export function splitWindows(tokenizer: Tokenizer, text: string, maxLength: number): Windows {
  const room = roomForText(tokenizer, maxLength);
  const ids = tokenizer.encode(text);
  const { prefix, suffix } = tokenizer.specials;
  const specials = prefix.length + suffix.length;
  if (ids.length <= maxLength) return { ids: [ids], weights: [ids.length - specials] };
  const body = ids.slice(prefix.length, ids.length - suffix.length);
  const sentences = splitSentences(text).map((sentence) => tokenizer.encode(sentence).length - specials);
  const weights = packEvenly(fitPieces(sentences, body.length, room), room);
  let end = 0;
  const windows = weights.map((size) => {
    end += size;
    return [...prefix, ...body.slice(end - size, end), ...suffix];
  });
  return { ids: windows, weights };
}

/** Sizes of the sentences, or parts of long ones, that stay whole: at most `room` each, `total` in all. */
function fitPieces(sentences: readonly number[], total: number, room: number): number[] {
  const pieces: number[] = [];
  let left = total;
  sentences.forEach((sentence, i) => {
    // A sentence alone may give other tokens than within the text: the last one takes what is left.
    const size = i === sentences.length - 1 ? left : Math.min(sentence, left);
    const parts = Math.ceil(size / room);
    for (let part = 0; part < parts; part++) pieces.push(Math.floor((size * (part + 1)) / parts) - Math.floor((size * part) / parts));
    left -= size;
  });
  return pieces;
}

/** Joins consecutive pieces into as few windows as `room` allows, and then makes the fullest window as small as possible. */
function packEvenly(pieces: readonly number[], room: number): number[] {
  const fewest = pack(pieces, room).length;
  let low = pieces.reduce((a, b) => Math.max(a, b), 0);
  for (let high = room; low < high; ) {
    const middle = (low + high) >> 1;
    if (pack(pieces, middle).length <= fewest) high = middle;
    else low = middle + 1;
  }
  return pack(pieces, low);
}

function pack(pieces: readonly number[], room: number): number[] {
  const windows: number[] = [];
  let filled = 0;
  for (const piece of pieces) {
    if (filled > 0 && filled + piece > room) {
      windows.push(filled);
      filled = 0;
    }
    filled += piece;
  }
  windows.push(filled);
  return windows;
}
