/** The normalizer of a BERT tokenizer.json. */
export interface BertNormalizer {
  readonly clean_text: boolean;
  readonly handle_chinese_chars: boolean;
  /** null: as `lowercase`. */
  readonly strip_accents: boolean | null;
  readonly lowercase: boolean;
}

interface Character {
  readonly kind: "nothing" | "space" | "letter" | "word";
  /** Without case and accents. */
  readonly text: string;
}

const controls = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u;
const punctuation = /[\p{P}!-/:-@[-`{-~]/u;
/** HF's `is_chinese_char`, with its gap after 2B81F. */
const chinese =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/u;

/** Characters to remember: more than any text in one language has. */
const mostKnown = 1 << 14;

/**
 * Splits a text into words as the BertNormalizer and BertPreTokenizer of Hugging Face's tokenizers do, one character at a time: so a run of
 * combining marks, which Unicode's normal forms sort, takes no longer than other text. Characters that Unicode has added since version 8
 * may be of another class there.
 */
export function createWordSplitter({ clean_text, handle_chinese_chars, strip_accents, lowercase }: BertNormalizer) {
  const known = new Map<string, Character>();

  function describe(character: string): Character {
    const isSpace = character === "\t" || character === "\n" || character === "\r";
    if (clean_text && (character === "\ufffd" || (!isSpace && controls.test(character)))) return { kind: "nothing", text: "" };
    const stripped = (strip_accents ?? lowercase) ? character.normalize("NFD").replace(/\p{Mn}/gu, "") : character;
    const text = lowercase ? stripped.toLowerCase() : stripped;
    if (text === "") return { kind: "nothing", text };
    if (/\p{White_Space}/u.test(text)) return { kind: "space", text };
    if (punctuation.test(text) || (handle_chinese_chars && chinese.test(character))) return { kind: "word", text };
    return { kind: "letter", text };
  }

  function find(character: string): Character {
    const found = known.get(character) ?? describe(character);
    if (known.size < mostKnown) known.set(character, found);
    return found;
  }

  return (text: string): string[] => {
    const words: string[] = [];
    let word = "";
    for (const character of text) {
      const { kind, text } = find(character);
      if (kind === "letter") word += text;
      else if (kind !== "nothing") {
        if (word !== "") words.push(word);
        if (kind === "word") words.push(text);
        word = "";
      }
    }
    if (word !== "") words.push(word);
    return words;
  };
}
