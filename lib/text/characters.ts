import { type MappedText, replaceMatches } from "./edits.js";

/** A soft hyphen at a line end marks a divided word for certain. */
const divided = /\u00ad[ \t]*(?:\r\n?|\n)[ \t]*(?=\p{Ll})/gu;

/** Everything that `mapCharacter` looks at; a run of emoji tags with the flag before it. */
const special =
  /\r\n?|(?![\t\n ])[\p{Cc}\p{Zs}\p{Zl}\p{Zp}\p{Cs}]|[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]|[\ufb00-\ufb06\uff01-\uff5eℊ-ℎℐ-ℒℛ-ℝℤℨℬℭℯ-ℱℳℴ\u{1d400}-\u{1d7ff}]|\u{1f3f4}?[\u{e0000}-\u{e007f}]+/gu;
const lineEnds = ["\r\n", "\r", "\u000b", "\u000c", "\u0085", "\u2028", "\u2029"];
const styled = /^[\ufb00-\ufb06\uff01-\uff5eℊ-ℎℐ-ℒℛ-ℝℤℨℬℭℯ-ℱℳℴ\u{1d400}-\u{1d7ff}]$/u;

/** Letters of scripts in which joiners change how a word is written. */
const joining = "(?![\\p{Script=Latin}\\p{Script=Greek}\\p{Script=Cyrillic}\\p{Script=Zinh}\\p{Script=Zyyy}])[\\p{L}\\p{M}]";
const beforeJoiner = new RegExp(`(?:[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\ufe0f]|${joining})$`, "u");
const afterJoiner = new RegExp(`^(?:\\p{Extended_Pictographic}|${joining})`, "u");

/**
 * What composes: Hangul, and marks with the letter before them. A run of more than 30 marks is no writing (Unicode's stream-safe
 * format has the same limit); it stays, as composing it takes time that grows with the square of its length.
 */
const composable = /[\u1100-\u11ff\uac00-\ud7a3]+\p{M}{0,30}(?!\p{M})|\P{M}?\p{M}{31,}|\P{M}\p{M}*|\p{M}+/gu;
const longRun = /\p{M}{31}/u;

/**
 * One way to write each character: line ends are "\n", exotic spaces " ", ligatures, mathematical letters and full-width ASCII plain
 * letters, composed accents (NFC). Invisible characters and control characters go, except joiners within emoji and the scripts that
 * need them. Half a surrogate pair becomes U+FFFD.
 */
export function mapCharacters(source: MappedText): MappedText {
  const joined = replaceMatches(source, divided, () => "");
  const { text } = joined;
  const mapped = replaceMatches(joined, special, (match, index) => mapCharacter(match, text, index));
  if (!longRun.test(mapped.text) && mapped.text.normalize("NFC") === mapped.text) return mapped;
  return replaceMatches(mapped, composable, (cluster) => (longRun.test(cluster) ? cluster : cluster.normalize("NFC")));
}

function mapCharacter(match: string, text: string, index: number): string {
  if (lineEnds.includes(match)) return "\n";
  if (/^\p{Zs}/u.test(match)) return " ";
  if (styled.test(match)) return match.normalize("NFKC");
  if (/^\p{Cs}/u.test(match)) return "\ufffd";
  if (match.startsWith("\u{1f3f4}")) return match;
  if (match === "\u200c" || match === "\u200d") {
    const [before, after] = [text.slice(Math.max(0, index - 2), index), text.slice(index + 1, index + 3)];
    return beforeJoiner.test(before) && afterJoiner.test(after) ? match : "";
  }
  return "";
}
