import { attribution, findAbbreviation, isCalendarWord, opensSentence } from "./abbreviations.js";
import { findLineBreaks } from "./lines.js";

/** A sentence, heading or list item without the white space around it, in UTF-16 offsets. */
export interface Sentence {
  readonly start: number;
  readonly end: number;
}

const emoji = "\\p{Extended_Pictographic}[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\ufe0f\\u200d]*";
const closers = `["'”’»)\\]}*_]`;
/** A stop with the quotes, brackets, note marks and emoji after it; or emoji alone. */
const stop = new RegExp(
  `(?<mark>\\.(?: \\.){2,}|[.!?…‽⁇⁈⁉。！？｡]+)(?<closing>(?:${closers}|\\[\\d{1,3}\\]|[¹²³⁰-⁹])*)(?: ?${emoji})*|${emoji}`,
  "gu",
);

/** How much text around a stop decides. */
const reach = 60;

/**
 * The sentences of a text, in order. Headings and list items are sentences of their own here; a single line end is none where the text
 * is wrapped or verse. Rules, not Intl.Segmenter: that differs from one build of Node to the next.
 */
export function findSentences(text: string): Sentence[] {
  const sentences: Sentence[] = [];
  const breaks = findLineBreaks(text).filter(({ kind }) => kind === "block");
  let begin = skipSpace(text, 0);
  let b = 0;
  const cut = (end: number, next: number) => {
    if (end > begin) sentences.push({ start: begin, end });
    begin = next;
  };
  for (const match of text.matchAll(stop)) {
    const end = match.index + match[0].length;
    for (; b < breaks.length && breaks[b]!.start < end; b++) cut(breaks[b]!.start, breaks[b]!.end);
    if (breaks[b]?.start === end) continue; // the line end ends it
    const next = skipSpace(text, end);
    if (endsSentence(text, begin, match, next)) cut(end, next);
  }
  for (; b < breaks.length; b++) cut(breaks[b]!.start, breaks[b]!.end);
  cut(begin + text.slice(begin).trimEnd().length, text.length);
  return sentences;
}

/**
 * Cuts a text into sentences; joined, they are the text again. White space between two of them starts the second, where tokenizers
 * that see it (byte-level ones) expect it.
 */
export function splitSentences(text: string): string[] {
  const sentences = findSentences(text);
  if (sentences.length === 0) return text === "" ? [] : [text];
  return sentences.map((_, i) => {
    const from = i === 0 ? 0 : sentences[i - 1]!.end;
    return text.slice(from, i === sentences.length - 1 ? text.length : sentences[i]!.end);
  });
}

function skipSpace(text: string, from: number): number {
  const pattern = /\S/g;
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}

/** @param begin of the sentence @param next where the text goes on */
function endsSentence(text: string, begin: number, match: RegExpExecArray, next: number): boolean {
  const { mark, closing = "" } = match.groups as { mark?: string; closing?: string };
  if (next === text.length) return true;
  const gap = next > match.index + match[0].length;
  const before = text.slice(Math.max(begin, match.index - reach), match.index);
  const rest = text.slice(next, next + reach);
  const after = rest.replace(/^["'“‘«([{¿¡*_#]+/u, "");
  if (mark === undefined) return gap && /\p{L}\s*$/u.test(before) && opensSentence(after);
  if (/[。！？｡]/.test(mark)) return true;
  if (!gap) return lacksSpace(text, match, before, rest);
  if (/^[,;:)\]}%]/.test(rest) || after === "") return false;
  if (/\)/.test(closing) && !closesWhole(text, begin, match.index)) return mark.startsWith(".") && /^\p{Lu}/u.test(after);
  if (/^\p{Ll}(?!\p{Lu})/u.test(after)) return mark === "." && closing === "" && endsLowerCase(before);
  if (/["'”’]/.test(closing) && mark !== "." && attribution.test(rest) && (/^I /.test(rest) || !opensSentence(rest))) return false;
  if (mark === "." && closing === "" && !/\p{Extended_Pictographic}$/u.test(match[0])) return endsAfter(text, begin, before, after, rest);
  if (/^(?:\.{2,}|…|\. )/.test(mark) && /^I\b/.test(rest)) return false;
  return startsNew(rest);
}

const startsNew = (rest: string) =>
  /^(?:[-–—•]+\s*)?(?:(?!\p{Ll}\P{Lu})[\p{L}\p{N}"'“‘«([{¿¡*_#$£€@…]|\p{Extended_Pictographic})/u.test(rest);

/** Whether a single full stop ends a sentence where no small letter follows. */
function endsAfter(text: string, begin: number, before: string, after: string, rest: string): boolean {
  const word = /[\p{L}\p{N}][\p{L}\p{M}\p{N}.'’&-]*$/u.exec(before)?.[0] ?? "";
  const previous = before.slice(0, before.length - word.length);
  const opens = /^\s*\(?$/.test(previous) && before.length < reach && text.slice(begin, begin + before.length) === before;
  if (opens && /^(?:\d{1,3}|\p{L}|[ivx]{2,4})$/u.test(word)) return false; // "1. Open the box."
  if (/^\d{1,3}$/.test(word) && /[:;] $/.test(previous)) return false; // "Do this: 1. Open the box."
  if (/^\p{Lu}$/u.test(word)) return endsLetter(word, previous, after);
  const upper = /^\p{Lu}/u.test(after);
  const measured = /^\d+(\p{L}+)$/u.exec(word)?.[1]; // "3ft."
  switch (findAbbreviation(measured ?? word)) {
    case "title":
    case "inner":
      return false;
    case "numbered":
      return !/^\d/.test(after) && startsNew(rest);
    case "either":
      return opensSentence(after);
    case "final":
      return upper && !isCalendarWord(after);
    case "unit":
      return measured !== undefined || /\d ?$/.test(previous) ? upper : startsNew(rest);
    case undefined:
      return startsNew(rest);
  }
}

/** A letter with a stop is an initial, unless it is the word "I", names something ("vitamin C.") or a word follows that opens sentences. */
function endsLetter(letter: string, previous: string, after: string): boolean {
  const opensOrFollowsName = /(?:^|\p{Lu}[\p{L}.]*) $/u.test(previous); // "World War I." against "It was I."
  if (letter === "I" && !opensOrFollowsName) return startsNew(after);
  if (lettered.test(previous) || (/[A-F]/.test(letter) && /\ban? $/.test(previous))) return true;
  return opensSentence(after);
}

/** Words that a letter follows: "vitamin C". */
const lettered = /\b(?:vitamin|plan|grade|class|hepatitis|type|section|group|part|point|option|question|answer|team|room) $/i;

/** Whether a stop before a small letter ends a sentence: after a word of small letters that is no abbreviation, as children write. */
function endsLowerCase(before: string): boolean {
  const word = /(?:^|[\s"'“‘(])(\p{Ll}{3,})$/u.exec(before)?.[1];
  return (
    word !== undefined &&
    findAbbreviation(word) === undefined &&
    !/^(?:est|dept|govt|max|min|misc|temp|tel|ext|ref|nat|orig|pop|vol|fig|sec|eds|trans|ibid|pub|rev|kil|www)$/.test(word)
  );
}

/** Whether white space is missing after a stop, rather than the stop being within an address, a file name or a number. */
function lacksSpace(text: string, match: RegExpExecArray, before: string, rest: string): boolean {
  const word = /\S*$/.exec(before)![0];
  if (/[@/\\_=#]|^www\b/i.test(word) || /\d$/.test(word)) return false;
  if (!/(?:\p{Ll}{2}|["'”’)])$/u.test(word) || findAbbreviation(word.replace(/^["'“‘(]+/, "")) !== undefined) return false;
  const following = /^["'“‘]?(\p{Lu}[\p{Ll}'’]+|[AI](?=\s))(?!\p{L}|[./(\\_=@]\S)/u.exec(rest)?.[1];
  return (
    following !== undefined &&
    !/^(?:Com|Org|Net|Edu|Gov|Io|Js|Ts|Md|Txt|Pdf|Html?|Py|Exe|Docx?)$/.test(following) &&
    text[match.index - 1] !== "."
  );
}

/** Whether a closing bracket closes one that opened the sentence. */
const closesWhole = (text: string, begin: number, index: number) =>
  /^["'“‘*_]*[([]/.test(text.slice(begin, begin + 4)) && !text.slice(Math.max(begin + 1, index - 4 * reach), index).includes("(");
