import { isFunctionWord } from "./english.js";
import { findLines, groupBlocks, isClosed, isStanza, type Line } from "./lines.js";

export interface TextWarning {
  readonly code: WarningCode;
  readonly message: string;
}

/** What the tests look at; counted once a text. */
interface Facts {
  readonly text: string;
  readonly lines: readonly Line[];
  readonly words: readonly string[];
  readonly numbers: number;
  readonly letters: number;
  /** Characters that are no white space. */
  readonly visible: number;
}

interface Row {
  readonly message: string;
  readonly test: (facts: Facts) => boolean;
  /** Warnings that say the same better. */
  readonly unless?: readonly string[];
}

/** Scores of fewer words differ too much from those of the whole text: docs/texts.md has the measurement. */
const fewestWords = 30;

/** What keeps the score of a text from meaning what it says. Later rows may leave the word to earlier ones. */
const rows = {
  mojibake: {
    message: "Some characters are broken (like â€™ for an apostrophe). Copy the text again, or save the file as UTF-8.",
    test: ({ text }) => /â€|Ã[\u0080-\u00bf]|Â[\u00a0-\u00bf]|ï»¿|ðŸ|\ufffd/.test(text),
  },
  encoded: {
    message: "Parts of this are not words but encoded data or keys. Leave them out.",
    test: ({ text, visible }) => sumLengths(text.match(/[\w+/=%]{46,}/g)) > 0.2 * visible,
  },
  markup: {
    message: "This holds markup (HTML, Markdown, JSON or the like). Paste the text as a reader sees it.",
    test: (facts) => facts.text.length > 0 && weighMarkup(facts) >= 1,
  },
  code: {
    message: "This looks like program code. The score is meant for prose.",
    test: ({ lines }) => share(lines, ({ text }) => looksLikeCode(text)) >= 0.4,
    unless: ["markup", "encoded"],
  },
  numbers: {
    message: "Much of this is numbers or a table. The score is meant for running text.",
    test: ({ words, numbers, lines }) =>
      (numbers >= 5 && numbers > 0.4 * (numbers + words.length)) ||
      (lines.length >= 3 && share(lines, ({ text }) => isTableRow(text)) >= 0.6),
    unless: ["markup", "code", "encoded"],
  },
  "no-words": {
    message: "There are almost no words here, only symbols, emoji or numbers. The score says nothing about reading.",
    test: ({ letters, visible }) => letters < 0.5 * visible,
    unless: ["numbers", "markup", "code", "encoded"],
  },
  list: {
    message: "This is a list or notes rather than sentences. The score is meant for running text.",
    test: isList,
    unless: ["markup", "code", "numbers", "no-words"],
  },
  verse: {
    message: "This looks like a poem or song. The model has read prose, and may take verse for easier or harder than it is.",
    test: ({ lines }) => {
      const stanzas = groupBlocks(lines).filter((block) => block.length >= 4 && isStanza(block.map(({ text }) => text)));
      return stanzas.flat().length >= 0.6 * lines.length && stanzas.length > 0;
    },
    unless: ["list", "code", "numbers"],
  },
  "all-capitals": {
    message: "This is written in capitals. The model does not see them; a reader finds them harder.",
    test: ({ text, letters, words }) => words.length >= 5 && countMatches(text, /\p{Lu}/gu) > 0.7 * letters,
    unless: ["code", "encoded"],
  },
  repeated: {
    message: "The same words come again and again. The score is meant for text that goes on.",
    test: ({ words }) => words.length >= 20 && shareRepeated(words) > 0.5,
    unless: ["code", "encoded", "numbers"],
  },
  "not-english": {
    message: "This does not seem to be English. The model has read English only; its score for other languages means nothing.",
    test: isForeign,
    unless: ["no-words", "markup", "code", "encoded", "numbers", "list", "repeated"],
  },
  "too-short": {
    message: `This is short. Scores of fewer than ${fewestWords} words change much with a word more or less: add some of the text around it.`,
    test: ({ words }) => words.length < fewestWords,
    unless: ["no-words", "numbers", "encoded", "not-english"],
  },
} as const satisfies Readonly<Record<string, Row>>;

export type WarningCode = keyof typeof rows;
export const warningCodes = Object.keys(rows) as WarningCode[];

/** What to know of a text before its score is believed; nothing for ordinary prose. @param text as it was given, not normalized */
export function describeText(text: string): TextWarning[] {
  const facts = countFacts(text);
  const found: TextWarning[] = [];
  for (const [code, { message, test, unless = [] }] of Object.entries(rows) as [WarningCode, Row][])
    if (!found.some((warning) => unless.includes(warning.code)) && test(facts)) found.push({ code, message });
  return found;
}

function countFacts(text: string): Facts {
  return {
    text,
    lines: findLines(text),
    words: text.match(/\p{L}[\p{L}\p{M}'’]*/gu) ?? [],
    numbers: countMatches(text, /\p{Nd}[\p{Nd}.,:/%-]*/gu),
    letters: countMatches(text, /\p{L}/gu),
    visible: countMatches(text, /[^\s\p{Cf}\p{M}]/gu),
  };
}

const countMatches = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;
const sumLengths = (parts: readonly string[] | null) => (parts ?? []).reduce((sum, part) => sum + part.length, 0);
const share = <T>(items: readonly T[], test: (item: T) => boolean) => items.filter(test).length / Math.max(1, items.length);

/** Signs of markup, a whole file of some format counting 1, others by how much of the text they make up. */
function weighMarkup({ text, words, lines }: Facts): number {
  const head = text.slice(0, 200).trimStart();
  if (/^(?:<!doctype|<\?xml|<html|\{\\rtf|%PDF-|\\documentclass)/i.test(head)) return 1;
  if (/^[{[]/.test(head) && countMatches(text, /"[^"\n]{1,60}"\s{0,4}:/g) >= 1 && isJson(text)) return 1;
  const tags = countMatches(text, /<\/?[a-z][a-z0-9]{0,15}(?:\s[^<>]{0,200})?\/?>|&(?:[a-z]{2,8}|#\d{1,6});/gi);
  const links = countMatches(text, /\]\(\S{1,200}\)|\[\[|\{\{/g);
  const commands = countMatches(text, /\\(?:begin|section|textbf|emph|cite|item|par)\b/g);
  const keys = countMatches(text, /"[\w -]{1,40}":\s/g);
  const headed = lines.filter(({ text }) => /^(?:#{1,6} |```|> |={3,}|-{3,}$|\|.*\|$)/.test(text)).length;
  const bold = countMatches(text, /\*\*[^*\n]{1,80}\*\*/g);
  const signs = tags + links + commands + keys + headed + bold;
  return signs >= 2 ? (signs / Math.max(1, words.length)) * 50 : 0;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const codeLine =
  /[;{}]$|^(?:import|from|export|const|let|var|def|class|function|return|if|for|while|public|private|static|#include|package|using|SELECT|INSERT|UPDATE|echo|print|sudo|npm|pip|git)\b.*[()[\]{};:="'/.]|^(?:\/\/|\/\*|#!|\$ |>>> |@\w+$)|\w\((?:[\w"', .]*)\)[;:]?$|[\w\])] (?:=|==|=>|:=|\+=|->|&&|\|\|) [\w"'([{]/;
/** Sentences end in a stop and begin with a capital. */
const proseLine = /^["'“‘(]?\p{Lu}.*[a-z]{2,}[^=(){}]*[.!?]["'”’)]*$/u;

function looksLikeCode(text: string): boolean {
  return (
    text.length < 250 &&
    /[a-z]/i.test(text) &&
    codeLine.test(text) &&
    !proseLine.test(text) &&
    countMatches(text, /[(){}[\]=;<>_"'`$|&/\\*+#:]/g) >= 2
  );
}

const isTableRow = (line: string) => /\t.*\S|\S {3,}\S.*\S {3,}\S|\|.*\||^[^,]{1,30}(?:,[^,\s][^,]{0,30}){2,}$/.test(line.slice(0, 300));

/** Most lines are items, or short and without a stop. */
function isList({ lines }: Facts): boolean {
  if (lines.length < 3) return false;
  const items = share(lines, ({ listItem, text }) => listItem && (!isClosed(text) || text.length < 40));
  const fragments = share(lines, ({ text }) => !/[.!?…,;:]["'”’)]*$/.test(text) && countMatches(text, /\S+/g) <= 6);
  return items >= 0.5 || (lines.length >= 4 && fragments >= 0.7);
}

/** The share of runs of four words that came before. */
function shareRepeated(words: readonly string[]): number {
  const seen = new Set<string>();
  const runs = words.length - 3;
  for (let i = 0; i < runs; i++)
    seen.add(
      words
        .slice(i, i + 4)
        .join(" ")
        .toLowerCase(),
    );
  return 1 - seen.size / runs;
}

/** English prose has a function word in two or three words; other languages share few of them. */
function isForeign({ words, letters, text }: Facts): boolean {
  if (countMatches(text, /(?!\p{Script=Latin})\p{L}/gu) > 0.4 * letters) return true;
  if (words.length < 8) return false;
  return share(words, isFunctionWord) < (words.length < 20 ? 0.12 : 0.17);
}
