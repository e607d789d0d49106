import { mapCharacters } from "./characters.js";
import { easyWords } from "./dale-chall.js";
import { applyEdits, type Edit, type MappedText, replaceMatches, unchanged } from "./edits.js";
import { endsDivided, findLineBreaks } from "./lines.js";

/**
 * A text as the model and the formulas read it: one way to write each character, wrapped lines joined, divided words put together, typed
 * "\n" as line ends. Ordinary prose stays as it is, and so does a text that this function gave. docs/texts.md lists the rules.
 */
export const normalizeText = (text: string): string => normalizeWithMap(text).text;

/** The same, with the place in the given text for each place in the result. */
export function normalizeWithMap(text: string): MappedText {
  return joinLines(breakAtTypedLineEnds(mapCharacters(unchanged(text))));
}

const typedLineEnd = /(?:\\r)?\\n/g;

/** Makes line ends of typed ones, unless one of them may be something else: a path, a formula, a program. */
function breakAtTypedLineEnds(source: MappedText): MappedText {
  const { text } = source;
  if (!text.includes("\\n") || /(?:^|[^\p{L}])\p{L}:\\/u.test(text)) return source;
  for (const { 0: match, index } of text.matchAll(typedLineEnd)) {
    const [before, after] = [text.slice(Math.max(0, index - 1), index), text.slice(index + match.length, index + match.length + 4)];
    if (before === "\\" || !/^(?:$|[\s\p{Lu}\p{N}"'“‘([•*-]|\\[rn])/u.test(after) || /^["'`]\s?[),;+\]]/.test(after)) return source;
  }
  return replaceMatches(source, typedLineEnd, () => "\n");
}

function joinLines(source: MappedText): MappedText {
  const { text } = source;
  const edits: Edit[] = [];
  for (const { start, end, kind } of findLineBreaks(text)) {
    if (kind !== "wrap") continue;
    const divided = endsDivided(text.slice(Math.max(0, start - 3), start));
    edits.push(divided ? joinWord(text, start, end) : { start, end, replacement: " " });
  }
  return applyEdits(source, edits);
}

/**
 * Puts a word together that a hyphen divides at a line end. Without the hyphen, unless both parts are words of the Dale-Chall list and
 * the whole is not ("well-known", but "something"), or the second part begins with a capital. "first- and second-class" keeps its space.
 */
function joinWord(text: string, start: number, end: number): Edit {
  const first = /[\p{L}\p{M}]+$/u.exec(text.slice(Math.max(0, start - 30), start - 1))?.[0] ?? "";
  const second = /^[\p{L}\p{M}]+/u.exec(text.slice(end, end + 30))?.[0] ?? "";
  if (/^(?:and|or|to|nor|but)$/.test(second)) return { start, end, replacement: " " };
  if (!/^\p{Ll}/u.test(second)) return { start, end, replacement: "" };
  const isWord = (word: string) => word.length > 2 && easyWords.has(word.toLowerCase());
  const compound = isWord(first) && isWord(second) && !easyWords.has((first + second).toLowerCase());
  return compound ? { start, end, replacement: "" } : { start: start - 1, end, replacement: "" };
}
