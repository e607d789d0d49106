import { expect, it } from "vitest";
import { createWordSplitter } from "./bert-words.js";

const uncased = { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true };

/** As tokenizers 0.23 splits them, in Python. */
it.each([
  ["  Hello,world!  ", ["hello", ",", "world", "!"]],
  ["naïve Ünïcödé ÀÉÎ Å ǅ ﬁ", ["naive", "unicode", "aei", "a", "ǆ", "ﬁ"]],
  ["İstanbul ΟΔΟΣ Straße", ["istanbul", "οδοσ", "straße"]],
  ["tab\tline\nfeed\rform\fvertical\vNUL\0 zero\u200bwidth soft\u00adhyphen\u0085 \ufeff\ufffd\ue000", ["tab", "line", "feed", "formverticalnul", "zerowidth", "softhyphen"]], // biome-ignore format: one line
  ["你好a世", ["你", "好", "a", "世"]],
  ["a𠀀b𫝀c𫠠𫢠豈丽", ["a", "𠀀", "b", "𫝀", "c𫠠𫢠", "豈", "丽"]],
  ["no\u00a0break\u2003wide\u3000space", ["no", "break", "wide", "space"]],
  ["≠ ; ` 한글 $+^`|~ “q” ¿§", ["=", ";", "`", "한글".normalize("NFD"), "$", "+", "^", "`", "|", "~", "“", "q", "”", "¿", "§"]],
  ["e\u0301\u0316 \u0301", ["e"]],
])("splits %j", (text, words) => {
  expect(createWordSplitter(uncased)(text)).toEqual(words);
});

it("keeps what the normalizer keeps", () => {
  const text = "Äb\u200b 世界";
  expect(createWordSplitter({ ...uncased, lowercase: false })(text)).toEqual(["Äb", "世", "界"]);
  expect(createWordSplitter({ ...uncased, strip_accents: false })(text)).toEqual(["äb", "世", "界"]);
  expect(createWordSplitter({ ...uncased, lowercase: false, strip_accents: true })(text)).toEqual(["Ab", "世", "界"]);
  expect(createWordSplitter({ ...uncased, clean_text: false, handle_chinese_chars: false })(text)).toEqual(["ab\u200b", "世界"]);
});
