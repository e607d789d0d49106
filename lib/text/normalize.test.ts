import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findGrowth, hostile } from "../../test/growth.js";
import { places } from "../cli/paths.js";
import { readPassages } from "../data/dataset.js";
import { normalizeText, normalizeWithMap } from "./normalize.js";
import { loadTokenizer } from "./tokenizer.js";

const passages = readPassages(places.sample, { targets: false }).passages.map(({ excerpt }) => excerpt);
const units = [
  ..."a B é . , : ; - ‐ ( ) [ ] { } \" ' “ ” — … 1 2 | = \\ \\n \\r\\n \n \r \r\n \t ﬁ 𝐇 Ｗ ！ ＼ ｎ \u00ad \u200b \u200d \u200c \ufeff \u2060 \u00a0 \u3000".split(
    " ",
  ),
  ..."\u2028 \u2029 \u0085 \u000b \u0000 \u0301 \u0316 \u1100 \u1161 \u11a8 \uac00 \ud83d \ude00 😀 👩 🏴 \u{e0067} \ufe0f क ा ℎ K Å • 1. 2. a) I Mr. the and known well- exam- word Word".split(
    " ",
  ),
  " ",
  "    ",
  "\n\n",
  "a longer run of words",
  "Another run of words, with",
];
const messy = fc.string({ unit: fc.constantFrom(...units), maxLength: 40 });

describe("normalizeText", () => {
  it.each([
    ["e\u0301te\u0301", "été"],
    ["ﬁnd the oﬃce", "find the office"],
    ["𝐇𝐞𝐥𝐥𝐨 𝑤ℎ𝑎𝑡", "Hello what"],
    ["Ｈｅｌｌｏ！", "Hello!"],
    ["x² ½ № ™", "x² ½ № ™"],
    ["in\u00advis\u200bi\u2060ble\ufeff", "invisible"],
    ["👩\u200d👩\u200d👧 and a\u200db", "👩\u200d👩\u200d👧 and ab"],
    ["क्\u200dष", "क्\u200dष"],
    ["no\u00a0break\u2009thin\u3000wide", "no break thin wide"],
    ["One.\r\nTwo.\rThree.\u2028Four.", "One.\nTwo.\nThree.\nFour."],
    ["bell\u0007 and null\u0000", "bell and null"],
    ["half \ud83d pair", "half \ufffd pair"],
    ["The Fox\\nIt was late.\\n\\nIt rained.", "The Fox\nIt was late.\n\nIt rained."],
  ])("writes %j as %j", (text, expected) => {
    expect(normalizeText(text)).toBe(expected);
  });

  it.each(["C:\\new\\notes", 'printf("It works.\\n");', "the $\\nabla$ of f", "â€™ stays, with a warning", "two  spaces.  And\ttabs", "a"])(
    "leaves %j alone",
    (text) => expect(normalizeText(text)).toBe(text),
  );

  it.each([
    ["an exam-\nple of it", "an example of it"],
    ["an exam\u00ad\nple of it", "an example of it"],
    ["a well-\nknown singer", "a well-known singer"],
    ["there was some-\nthing there", "there was something there"],
    ["the Anglo-\nSaxon kings", "the Anglo-Saxon kings"],
    ["first-\nand second-class seats", "first- and second-class seats"],
    ["It was very dark -\nand cold outside", "It was very dark - and cold outside"],
  ])("joins the word of %j", (text, expected) => {
    expect(normalizeText(text)).toBe(expected);
  });

  it("joins wrapped lines within a paragraph", () => {
    const wrapped =
      "The little boat went up and down\non the big green waves. It did not\nsink, because Mr. Brown had built\nit well.\n\nEveryone on the shore waved at\nthe boat.";
    expect(normalizeText(wrapped)).toBe(
      "The little boat went up and down on the big green waves. It did not sink, because Mr. Brown had built it well.\n\nEveryone on the shore waved at the boat.",
    );
  });

  it.each([
    "A Trip to the Sea\nWe went to the sea. It was a long way, and it was very hot in the car.",
    "1. Open the box.\n2. Take out the lamp\n3. Plug it in",
    "milk\neggs\nbread\nbutter",
    "“Where are you going?” asked the fox.\n“Home,” said the hen.\n“May I come too?”",
    "Name\tAge\nAnn\t9\nBen\t10",
    "I saw a ship a-sailing,\nA-sailing on the sea,\nAnd it was full of pretty things\nFor baby and for me.",
  ])("keeps the lines of %j", (text) => expect(normalizeText(text)).toBe(text));

  it("changes nothing more the second time", () => {
    fc.assert(
      fc.property(messy, (text) => {
        const once = normalizeText(text);
        expect(normalizeText(once)).toBe(once);
      }),
      { numRuns: 20_000 },
    );
  });

  it("composes as the whole text does", () => {
    const marked = fc.string({
      unit: fc.constantFrom("a", "e", "\u0301", "\u0316", "\u0345", "\u1100", "\u1161", "\u11a8", "\uac00", "ে", "া", " "),
    });
    fc.assert(fc.property(marked, (text) => normalizeText(text) === text.normalize("NFC")));
  });

  it("leaves prose as it is", () => {
    for (const passage of passages) expect(normalizeText(passage)).toBe(passage);
  });

  it("joins lines without a change of the model's tokens", () => {
    const tokenizer = loadTokenizer(join(places.releasedModel));
    for (const passage of passages.slice(0, 20)) {
      const lines = passage.replaceAll("\n", " ").replace(/(.{40}\S*) /g, "$1\n");
      expect(tokenizer.encode(normalizeText(lines))).toEqual(tokenizer.encode(passage));
    }
  });

  it("takes time in proportion to the length", () => {
    for (const unit of hostile) expect(findGrowth(unit, normalizeText), JSON.stringify(unit)).toBeLessThan(10);
  });
});

describe("normalizeWithMap", () => {
  it("tells where each place comes from, never backwards", () => {
    fc.assert(
      fc.property(messy, (text) => {
        const { text: normal, toOriginal } = normalizeWithMap(text);
        const places = Array.from({ length: normal.length + 1 }, (_, i) => toOriginal(i));
        expect(places.every((place, i) => place >= (places[i - 1] ?? 0) && place <= text.length)).toBe(true);
        expect(places.at(-1)).toBe(text.length);
      }),
    );
  });

  it("finds words again in the original", () => {
    const text = "\ufeffThe \ufb01sh swam in the big pond, and it\nwas happy. An exam-\nple\u00a0word. Cafe\u0301 time.";
    const { text: normal, toOriginal } = normalizeWithMap(text);
    const original = (word: string) => {
      const at = normal.indexOf(word);
      return text.slice(toOriginal(at), toOriginal(at + word.length));
    };
    expect(["The", "fish", "was happy.", "example", "word", "Café", "time."].map(original)).toEqual([
      "The",
      "\ufb01sh",
      "was happy.",
      "exam-\nple",
      "word",
      "Cafe\u0301",
      "time.",
    ]);
  });
});
