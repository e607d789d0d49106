import type { ScoreOptions, Scorer } from "../serving/scorer.js";
import { splitSentences } from "./sentences.js";
import { roomForText, type Tokenizer } from "./tokenizer.js";

export interface TextScore {
  /** A float32 value. */
  readonly score: number;
  /** Tokens of the text, special ones not counted. */
  readonly tokens: number;
  /** How many windows the text was scored in: 1 where it fits. */
  readonly windows: number;
}

/** Windows of one text that wait for their scores at the same time: enough for every core, few enough to let others in. */
const inFlight = 4;

/**
 * The score of a text of any length: that of its only window, or the mean of its windows' weighted by their tokens.
 * @throws short-window, and what the scorer throws
 */
export async function scoreText(
  scorer: Pick<Scorer, "score">,
  tokenizer: Tokenizer,
  maxLength: number,
  text: string,
  options?: ScoreOptions,
): Promise<TextScore> {
  const windows = splitWindows(tokenizer, text, maxLength);
  const { prefix, suffix } = tokenizer.specials;
  const sizes = windows.map((ids) => ids.length - prefix.length - suffix.length);
  const tokens = sizes.reduce((a, b) => a + b, 0);
  const scores = await scoreWindows(scorer, windows, options);
  if (scores.length === 1) return { score: scores[0]!, tokens, windows: 1 };
  const mean = scores.reduce((sum, score, i) => sum + score * sizes[i]!, 0) / tokens;
  return { score: Math.fround(mean), tokens, windows: windows.length };
}

async function scoreWindows(scorer: Pick<Scorer, "score">, windows: readonly number[][], options?: ScoreOptions): Promise<number[]> {
  const scores = new Array<number>(windows.length);
  let next = 0;
  const work = async () => {
    while (next < windows.length) {
      const i = next++;
      scores[i] = await scorer.score(windows[i]!, options);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(inFlight, windows.length) }, work));
  } finally {
    next = windows.length; // after a failure the others take no more
  }
  return scores;
}

/**
 * The ids of a text in windows of at most `maxLength`, each with its special tokens: one window with exactly `encode(text)` where that
 * fits; else as few as can be, cut at ends of sentences, about equally full. A sentence too long for a window is cut between tokens.
 * @throws short-window
 */
export function splitWindows(tokenizer: Tokenizer, text: string, maxLength: number): number[][] {
  const room = roomForText(tokenizer, maxLength);
  const ids = tokenizer.encode(text);
  if (ids.length <= maxLength) return [ids];
  const { prefix, suffix } = tokenizer.specials;
  const body = ids.slice(prefix.length, ids.length - suffix.length);
  const specials = prefix.length + suffix.length;
  const sentences = splitSentences(text).map((sentence) => tokenizer.encode(sentence).length - specials);
  const pieces = fitPieces(sentences, body.length, room);
  let end = 0;
  return packEvenly(pieces, room).map((size) => {
    end += size;
    return [...prefix, ...body.slice(end - size, end), ...suffix];
  });
}

/** Sizes of the pieces that are not cut further, at most `room` each and `total` together. */
function fitPieces(sentences: readonly number[], total: number, room: number): number[] {
  const pieces: number[] = [];
  let left = total;
  sentences.forEach((sentence, i) => {
    // The last sentence takes what is left, should sentences alone give other tokens than the text as a whole.
    const size = i === sentences.length - 1 ? left : Math.min(sentence, left);
    const parts = Math.ceil(size / room);
    for (let part = 0; part < parts; part++) pieces.push(Math.floor((size * (part + 1)) / parts) - Math.floor((size * part) / parts));
    left -= size;
  });
  return pieces;
}

/** Puts consecutive pieces together, into as few windows as `room` allows, the fullest of them as small as that allows. */
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
