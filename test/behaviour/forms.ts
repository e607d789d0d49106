import type { Random } from "../../lib/math/random.js";

/** Another form of the same text. `random` decides where it differs. */
export interface Form {
  readonly name: string;
  /** The text that the form is compared with, if it is not the passage itself. */
  readonly base?: (text: string) => string;
  readonly change: (text: string, random: Random) => string;
  /** Whether the tokenizer sees the difference; else not a bit of the score may change. */
  readonly seen?: true;
}

/** Inserts a character into about one in `every` gaps between letters. */
const insert = (text: string, inserted: string, random: Random, every: number) =>
  text.replace(/(?<=\p{L})(?=\p{L})/gu, () => (random.int(every) === 0 ? inserted : ""));

/** Replaces about half of what matches. */
const replaceHalf = (text: string, pattern: RegExp, replacement: string, random: Random) =>
  text.replace(pattern, (match) => (random.int(2) === 0 ? replacement : match));

/** Breaks paragraphs at spaces into lines of at most `columns` characters. */
const wrap = (text: string, columns: number, lineEnd = "\n") =>
  text.replace(new RegExp(`(?=.{${columns + 1}})(.{1,${columns}}) `, "g"), `$1${lineEnd}`);

const accents = { a: "á", e: "é", i: "ï", o: "ö", u: "ü" } as const;
const addAccents = (text: string) => text.replace(/[aeiou](?=\p{L}{3})/gu, (vowel) => accents[vowel as keyof typeof accents]);

const curlQuotes = (text: string) =>
  text.replace(/(?<=^|[\s(])"/g, "“").replaceAll('"', "”").replace(/(?<=^|[\s(“])'/g, "‘").replaceAll("'", "’"); // biome-ignore format: one line

const ligatures = { ffi: "ﬃ", ffl: "ﬄ", ff: "ﬀ", fi: "ﬁ", fl: "ﬂ" } as const;

/** Every form is of prose whose paragraphs an empty line separates. */
export const forms: readonly Form[] = [
  { name: "extra spaces, tabs", change: (text, random) => text.replace(/ /g, () => [" ", "  ", "\t", "    "][random.int(4)]!) },
  { name: "CRLF and CR line ends", change: (text, random) => text.replace(/\n\n/g, random.int(2) === 0 ? "\r\n\r\n" : "\r\r") },
  { name: "lines wrapped at 60 columns", change: (text) => wrap(text, 60) },
  { name: "wrapped at 50 to 90 columns, CRLF", change: (text, random) => wrap(text, 50 + random.int(41), "\r\n") },
  { name: "blank lines before and after", change: (text, random) => `\n\n${text}${"\n".repeat(1 + random.int(9))} \n` },
  {
    name: "no-break and thin spaces",
    change: (text, random) => replaceHalf(text, / /g, random.int(2) === 0 ? "\u00a0" : "\u2009", random),
  },
  { name: "soft hyphens", change: (text, random) => insert(text, "\u00ad", random, 5) },
  { name: "zero-width characters", change: (text, random) => insert(text, ["\u200b", "\u200d", "\u2060"][random.int(3)]!, random, 5) },
  { name: "a byte order mark", change: (text) => `\ufeff${text}` },
  { name: "ligatures", change: (text) => text.replace(/ff[il]?|f[il]/g, (letters) => ligatures[letters as keyof typeof ligatures]) },
  { name: "decomposed accents (NFD)", base: addAccents, change: (text) => addAccents(text).normalize("NFD") },
  { name: "typographic quotes", base: straighten, change: (text) => curlQuotes(straighten(text)), seen: true },
];

function straighten(text: string): string {
  return text.replace(/[“”]/g, '"').replace(/[‘’]/g, "'");
}
