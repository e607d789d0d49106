import { describe, expect, it } from "vitest";
import { findGrowth, hostile } from "../../test/growth.js";
import { places } from "../cli/paths.js";
import { readPassages } from "../data/dataset.js";
import { describeText, type WarningCode } from "./warnings.js";

const codesOf = (text: string) => describeText(text).map(({ code }) => code);
const passages = readPassages(places.sample, { targets: false }).passages.map(({ excerpt }) => excerpt);

const prose =
  "The fox lived at the edge of the wood. Every night he went to the farm and looked at the hens. The farmer had a dog, and the dog was not a friend of the fox. One night the dog was ill, and the fox came in by the gate.";
const verse = "I saw a ship a-sailing,\nA-sailing on the sea,\nAnd it was full of pretty things\nFor baby and for me.";

const examples: { readonly [code in WarningCode]: { readonly yes: readonly string[]; readonly no: readonly string[] } } = {
  "no-words": {
    yes: ["🙂🙂🙂", "!!! ??? ***", "❤️ 👍🏽 ok", "→ ← ↑ ↓", "3 + 4 = 7"],
    no: [prose, "I ❤ New York and the whole of its parks 😀", "中文"],
  },
  mojibake: {
    yes: ["Itâ€™s late.", "The cafÃ© is shut.", "Â£5 for a cup", "ï»¿The end", "What\ufffds this?"],
    no: [prose, "Itʼs late.", "Le café est fermé.", "Âge tendre", "£5 for a cup", "SÃO PAULO"],
  },
  encoded: {
    yes: [
      `iVBORw0KGgoAAAANSUhEUgAAAAUA${"AAAFCAYAAACNbyblAAAAHElEQVQI12P4".repeat(3)}`,
      `The key is ${"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c".repeat(4)}.`,
      "a".repeat(500),
    ],
    no: [
      prose,
      "Pneumonoultramicroscopicsilicovolcanoconiosis is a long word.",
      `${prose} See https://www.example.com/a/page/with-a-long/address-in-it.`,
    ],
  },
  markup: {
    yes: [
      "<p>The fox lived at the <b>edge</b> of the wood.</p>",
      "<!doctype html><html><body>It rained.</body></html>",
      "# The Fox\n\nHe lived **here**.\n\n- [map](http://example.com)\n",
      '{"title": "The Fox", "text": "He lived at the edge of the wood."}',
      '[{"text": "It rained."}]',
      "{\\rtf1\\ansi The fox lived here.}",
      "%PDF-1.4\n1 0 obj",
      "\\documentclass{article}\\begin{document}It rained.\\end{document}",
      "Fish &amp; chips&nbsp;are &quot;good&quot;.",
    ],
    no: [
      prose,
      "[The door opens.] A man comes in. {He} sits.",
      "If 3 < 5 and 7 > 5, then 5 is between them.",
      "Tom & Ann sat down.",
      `*Stop!* ${prose}`,
    ],
  },
  code: {
    yes: [
      "const a = 1;\nfunction add(b) {\n  return a + b;\n}",
      "import os\nfor f in os.listdir('.'):\n    print(f)\n",
      '#include <stdio.h>\nint main() {\n  printf("hi\\n");\n  return 0;\n}',
      "SELECT name FROM pupils WHERE age > 9;",
      "let total = items.map((x) => x.price);",
    ],
    no: [
      prose,
      "Let us go then, you and I; it is late.",
      "For a while it rained (a lot); then it stopped.",
      "If you can, come; while you are here, stay:\nthere is time;\nthere is room;",
      "Import taxes rose in 1990. Export taxes did not.",
    ],
  },
  numbers: {
    yes: [
      "12 14 15 18 20 22 24 30",
      "Year\tBoys\tGirls\n2019\t12\t14\n2020\t15\t11\n2021\t9\t18",
      "Name | Age | Town\nAnn | 9 | Leeds\nBen | 10 | York",
      "3, 5, 7, 11 and 13",
      "Ann,9,Leeds\nBen,10,York\nCat,11,Hull",
    ],
    no: [prose, "In 1969 two men walked on the Moon. In 1972 the last 2 came home, after 3 days.", "Chapter 1"],
  },
  list: {
    yes: [
      "- eggs\n- milk\n- bread\n- a bag of apples",
      "1. Pens\n2. Paper\n3. Glue",
      "Apples\nPears\nPlums\nGrapes\nCherries",
      "You need:\n• a red pen\n• a ruler\n• some paper",
      "a) warm coat\nb) good shoes\nc) a hat",
    ],
    no: [
      prose,
      "“Where are you going?”\n“Home.”\n“May I come?”\n“No.”",
      "1. First open the box with care and take out all of the parts.\n2. Then put the lamp on a table and plug it into the wall.\n3. Last of all turn the switch on the side of the lamp.",
      verse,
      `A Fox\n\n${prose}`,
    ],
  },
  verse: {
    yes: [
      verse,
      `${verse}\n\n${verse}`,
      "The wind is in the barley now,\nThe sun is on the hill;\nThe farmer sits behind the plough\nAnd all the world is still.",
    ],
    no: [
      prose,
      "“Where are you going, little fox?” asked the hen.\n“I am on my way home,” said the fox.\n“May I come with you?” asked the hen.\n“No, you may not,” he said.",
      "The little boat went up and down on the\nbig green waves. It did not sink, because\nMr. Brown had built it well. Everyone on\nthe shore waved.",
    ],
  },
  "all-capitals": {
    yes: [prose.toUpperCase(), "DO NOT RUN ON THE STAIRS.", "THE FOX LIVED AT THE EDGE OF the wood."],
    no: [prose, "NASA and the FBI met in the USA with the UN.", "STOP! It is late, and we are not yet there."],
  },
  repeated: {
    yes: [`${"The cat sat on the mat. ".repeat(10)}`, "ha ".repeat(40), `${prose} ${prose} ${prose}`],
    no: [
      prose,
      verse,
      "The cat sat. The cat sat. The dog ran.",
      "Run, run, as fast as you can. You cannot catch me. Run, run, said the man, as fast as you can, and he ran and ran.",
    ],
  },
  "not-english": {
    yes: [
      "Der Fuchs lebte am Rande des Waldes. Jede Nacht ging er zum Hof und sah sich die Hühner an.",
      "Le renard vivait au bord du bois. Chaque nuit, il allait à la ferme et regardait les poules.",
      "El zorro vivía al borde del bosque. Cada noche iba a la granja y miraba las gallinas.",
      "La volpe viveva ai margini del bosco. Ogni notte andava alla fattoria e guardava le galline.",
      "De vos woonde aan de rand van het bos. Elke nacht ging hij naar de boerderij en keek naar de kippen.",
      "Räven bodde vid skogens kant. Varje natt gick han till gården och tittade på hönsen.",
      "Ræven boede ved skovens kant. Hver nat gik han til gården og så på hønsene, og hunden var ikke hans ven.",
      "A raposa vivia à beira do bosque. Todas as noites ia à quinta e olhava para as galinhas.",
      "Lis mieszkał na skraju lasu. Każdej nocy szedł do gospodarstwa i patrzył na kury.",
      "Tilki asui metsän reunassa. Joka yö se meni maatilalle ja katseli kanoja pihalla.",
      "Rubah itu tinggal di tepi hutan. Setiap malam ia pergi ke ladang dan melihat ayam.",
      "Tilkinin evi ormanın kenarındaydı. Her gece çiftliğe gider ve tavuklara bakardı.",
      "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor.",
      "Лиса жила на краю леса.",
      "狐狸住在树林边上。每天晚上它都去农场看鸡。",
      "キツネは森のはずれに住んでいました。",
      "كان الثعلب يعيش على حافة الغابة.",
      "लोमड़ी जंगल के किनारे रहती थी।",
      "Η αλεπού ζούσε στην άκρη του δάσους.",
    ],
    no: [
      prose,
      "Maria said “buenos días” to Señor López, and he said “good morning” to her.",
      "Paris is the capital of France.",
      "Photosynthesis converts sunlight into chemical energy that plants store as sugar.",
      "My dog is big and he likes to run.",
      "Dinosaurs died out millions of years ago.",
    ],
  },
  "too-short": {
    yes: ["It rained.", "Installation", "The fox lived at the edge of the wood."],
    no: [prose, ...passages.slice(0, 5)],
  },
};

describe("describeText", () => {
  for (const [code, { yes, no }] of Object.entries(examples)) {
    it.each(yes)(`warns of ${code}: %j`, (text) => expect(codesOf(text)).toContain(code));
    it.each(no)(`does not warn of ${code}: %j`, (text) => expect(codesOf(text)).not.toContain(code));
  }

  it("has nothing to say of prose", () => {
    expect(codesOf(prose)).toEqual([]);
    for (const passage of passages) expect(codesOf(passage)).toEqual([]);
  });

  it("says what to do in a sentence or two", () => {
    expect(describeText("Le renard vivait au bord du bois, et chaque nuit il allait à la ferme.")).toEqual([
      { code: "not-english", message: expect.stringMatching(/English/) },
    ]);
  });

  it("takes time in proportion to the length", () => {
    for (const unit of hostile) expect(findGrowth(unit, describeText), JSON.stringify(unit)).toBeLessThan(10);
  });
});
