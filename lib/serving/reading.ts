import { fail } from "../errors/errors.js";
import { isBlank } from "../text/blank.js";
import { applyFormulas, type FormulaScores } from "../text/formulas.js";
import { normalizeWithMap } from "../text/normalize.js";
import { findSentences, type Sentence } from "../text/sentences.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { describeText, type TextWarning } from "../text/warnings.js";
import { splitWindows } from "../text/windows.js";

/** As `splitWindows` gives them, or in arrays that change threads without a copy. */
export interface ReadWindows {
  readonly ids: readonly ArrayLike<number>[];
  readonly weights: readonly number[];
}

/** What to compute about a text besides its windows. */
export interface Wanted {
  readonly warnings?: boolean;
  readonly formulas?: boolean;
  readonly sentences?: boolean;
  /** The largest number of tokens in a text, if a limit is known, and the seconds in which they can be scored. */
  readonly limit?: { readonly tokens: number; readonly seconds: number } | undefined;
}

/** A text as the model reads it, and what can be computed without the model. */
export interface Reading<W = ReadWindows> {
  readonly windows: W;
  /** None if not wanted. */
  readonly warnings: readonly TextWarning[];
  readonly formulas: FormulaScores | undefined;
  /** None if not wanted. */
  readonly sentences: readonly SentenceReading<W>[];
}

/** A sentence, in UTF-16 offsets of the original text. */
interface SentenceReading<W = ReadWindows> extends Sentence {
  /** The text without this sentence; without windows if nothing would be left. */
  readonly rest: W;
}

/** Limits of a text whose sentences are scored: the model runs once more for each sentence. */
const sentenceLimits = { characters: 30_000, sentences: 60 } as const;

/** The tokenizer that reads a text, and its limit. */
export interface TextModel {
  readonly tokenizer: Tokenizer;
  /** Tokens the model reads at once, special ones included. */
  readonly maxLength: number;
}

/**
 * Reads a text on the calling thread. `readText` of text-reader.ts decides on which.
 * @param original the text as it was given
 * @throws empty-text, text-too-long, too-many-sentences, short-window
 */
export function readTextHere(
  { tokenizer, maxLength }: TextModel,
  original: string,
  { warnings, formulas, sentences, limit }: Wanted,
): Reading {
  const { text, toOriginal } = normalizeWithMap(original);
  if (isBlank(text)) fail("empty-text", {});
  if (limit) checkTokens(tokenizer, text, limit);
  const split = (text: string) => splitWindows(tokenizer, text, maxLength);
  const windows = split(text);
  if (!hasTokens(windows)) fail("empty-text", {});
  return {
    windows,
    warnings: warnings ? describeText(original) : [],
    formulas: formulas ? applyFormulas(text) : undefined,
    sentences: sentences ? listSentences(text, windows.ids.length).map(readRest) : [],
  };

  function readRest({ start, end }: Sentence): SentenceReading {
    const rest = split(removePart(text, start, end));
    return { start: toOriginal(start), end: toOriginal(end), rest: hasTokens(rest) ? rest : { ids: [], weights: [] } };
  }
}

/** UTF-16 units that are tokenized before the limit is checked again. */
const piece = 8192;

/** Stops early in a text that is far too long. @throws text-too-long */
function checkTokens(tokenizer: Tokenizer, text: string, { tokens: limit, seconds }: NonNullable<Wanted["limit"]>): void {
  if (text.length <= limit) return; // most tokens have more than one character
  for (let start = 0, tokens = 0; start < text.length; start += piece) {
    tokens += tokenizer.countTokens(text.slice(start, start + piece));
    if (tokens > limit) fail("text-too-long", { tokens: `more than ${limit}`, limit, seconds });
  }
}

const hasTokens = ({ weights }: ReadWindows): boolean => weights.some((tokens) => tokens > 0);

/** @throws too-many-sentences */
function listSentences(text: string, windows: number): Sentence[] {
  const found = findSentences(text);
  const { characters, sentences } = sentenceLimits;
  if (text.length > characters || (windows > 1 && found.length > sentences))
    fail("too-many-sentences", { found: found.length, length: text.length, windows, characters, sentences });
  return found;
}

/** The text without a part, and without the white space around that part. */
function removePart(text: string, start: number, end: number): string {
  const [before, after] = [text.slice(0, start), text.slice(end)];
  return after.trim() === "" ? before.trimEnd() : before + after.trimStart();
}

/** The reading with its windows in another form. */
export function mapWindows<A, B>({ windows, sentences, ...others }: Reading<A>, change: (windows: A) => B): Reading<B> {
  return { ...others, windows: change(windows), sentences: sentences.map(({ rest, ...place }) => ({ ...place, rest: change(rest) })) };
}
