import { normalizeText } from "./normalize.js";
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
  readonly ids: readonly (readonly number[])[];
  /** Tokens that each window adds to those before it. Their sum is the number of the text's tokens. */
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
 * A text in windows of at most `maxLength` tokens, special ones included. A text that fits is one window, exactly `encode(text)`. A longer
 * one is cut into full windows, one after the other; the last begins early enough to be full too, so it overlaps the one before.
 *
 * Every token counts once, in the first window that holds it: a window weighs as much as the tokens that it adds. A token more at the end
 * of the text moves the last window by a token, or adds one that weighs a single token. So the score hardly changes at the edge.
 * @throws short-window
 */
export function splitWindows(tokenizer: Tokenizer, text: string, maxLength: number): Windows {
  const room = roomForText(tokenizer, maxLength);
  const { prefix, suffix } = tokenizer.specials;
  const ids = tokenizer.encode(text);
  const tokens = ids.length - prefix.length - suffix.length;
  if (tokens <= room) return { ids: [ids], weights: [tokens] };
  const body = ids.slice(prefix.length, prefix.length + tokens);
  const count = Math.ceil(tokens / room);
  const starts = Array.from({ length: count }, (_, i) => Math.min(i * room, tokens - room));
  return {
    ids: starts.map((start) => [...prefix, ...body.slice(start, start + room), ...suffix]),
    weights: starts.map((_, i) => Math.min(room, tokens - i * room)),
  };
}

/** A text, as it was given, in the windows that serving scores. @throws short-window */
export const readWindows = (tokenizer: Tokenizer, text: string, maxLength: number): Windows =>
  splitWindows(tokenizer, normalizeText(text), maxLength);

/** The token ids of a text's first window: of the text as it was given, normalized and then cut. @throws short-window */
export function readFirstWindow(tokenizer: Pick<Tokenizer, "encodeTruncated">, text: string, maxLength: number): number[] {
  return tokenizer.encodeTruncated(normalizeText(text), maxLength);
}

/** The token ids of the text that windows hold, each once, without special ones. */
export function joinWindows({ specials }: Tokenizer, { ids, weights }: { ids: readonly ArrayLike<number>[]; weights: readonly number[] }) {
  const end = (window: ArrayLike<number>) => window.length - specials.suffix.length;
  return ids.flatMap((window, i) => Array.from(window).slice(end(window) - weights[i]!, end(window)));
}
