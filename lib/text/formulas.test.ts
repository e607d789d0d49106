import { describe, expect, it } from "vitest";
import { findGrowth, hostile } from "../../test/growth.js";
import { applyFormulas, countText, gradeLevel, readingEase } from "./formulas.js";

describe("applyFormulas", () => {
  // 2 sentences, 8 words, 11 syllables, 26 letters; "animal" alone has three syllables.
  const text = "The cat sat. It was a happy animal!";

  it("gives each formula's value over words, sentences and syllables", () => {
    const scores = applyFormulas(text);
    expect(scores.flesch_reading_ease).toBeCloseTo(206.835 - 1.015 * 4 - 84.6 * (11 / 8), 6);
    expect(scores.flesch_kincaid_grade).toBeCloseTo(0.39 * 4 + 11.8 * (11 / 8) - 15.59, 6);
    expect(scores.smog).toBeCloseTo(3.1291 + 1.043 * Math.sqrt(1 * (30 / 2)), 6);
    expect(scores.gunning_fog).toBeCloseTo(0.4 * (4 + 100 * (1 / 8)), 6);
    expect(scores.coleman_liau).toBeCloseTo(0.0588 * ((26 / 8) * 100) - 0.296 * ((2 / 8) * 100) - 15.8, 6);
    expect(scores.automated_readability).toBeCloseTo(4.71 * (26 / 8) + 0.5 * 4 - 21.43, 6);
    expect(scores.dale_chall).toBeCloseTo(0.0496 * 4, 6);
  });

  it("adds Dale and Chall's constant where more than a word in twenty is unfamiliar", () => {
    expect(applyFormulas("The reptilian hybrid sat.").dale_chall).toBeCloseTo(15.79 * (2 / 4) + 0.0496 * 4 + 3.6365, 6);
  });

  it.each(["", "42", "…", "???", "🙂", "Installation", "The Water Cycle", "Name:\nClass:\nSchool:"])(
    "is null where %j has no sentence",
    (text) => {
      expect(Object.values(applyFormulas(text))).toEqual(Array(7).fill(null));
      expect([readingEase(text), gradeLevel(text)].every(Number.isFinite)).toBe(true);
    },
  );
});

it("readingEase and gradeLevel read wrapped lines as their paragraph", () => {
  const lines = "The cat sat on the mat and it looked at the big dog for an\nhour or two, as cats do when they are not hun-\ngry at all.";
  const paragraph = "The cat sat on the mat and it looked at the big dog for an hour or two, as cats do when they are not hungry at all.";
  expect([readingEase(lines), gradeLevel(lines)]).toEqual([readingEase(paragraph), gradeLevel(paragraph)]);
});

describe("countText", () => {
  it("leaves headings, labels and short list items out, with their words", () => {
    const sentences = "Water moves all the time. It falls as rain.";
    expect(countText(`The Water Cycle\n\n${sentences}`)).toEqual(countText(sentences));
    expect(countText(`Installation\n${sentences}\n\n- rain\n- snow`)).toEqual(countText(sentences));
  });

  it("takes a long line without a stop for a sentence", () => {
    expect(countText("my dog is big and he likes to run and play")).toMatchObject({ sentence: 1, word: 11 });
    expect(countText("Water moves all the time.\n\nThe rain falls on the hills and the rivers take it down")).toMatchObject({
      sentence: 2,
    });
  });

  it("counts sentences as the project cuts them", () => {
    expect(countText('Mr. Fox met Dr. J. R. Hare at 5 p.m. on Jan. 5. "Stop!" he said.')).toMatchObject({ sentence: 2 });
  });

  it("counts the same, wrapped or not", () => {
    const text = "The little boat went up and down on the big green waves. It did not sink, because Mr. Brown had built it well.";
    expect(countText(text.replace(/(.{30}\S*) /g, "$1\n"))).toEqual(countText(text));
  });

  it.each([
    ["He wanted animals.", { polysyllable: 1, complex: 1 }],
    ["We saw Canada.", { polysyllable: 1, complex: 0 }],
    ["She expected it.", { polysyllable: 1, complex: 0 }],
    ["A happy-go-lucky boy.", { polysyllable: 1, complex: 0 }],
    ["It disturbances him.", { polysyllable: 1, complex: 1 }],
  ])("finds hard words in %j", (text, expected) => expect(countText(text)).toMatchObject(expected));

  it.each([
    "The boys stopped running.",
    "He carried the bigger boxes.",
    "They're the happiest and don’t cry.",
    "The dog's tail, the girls' coats.",
    "I met Zebediah Quark.",
  ])("knows the words of %j", (text) => expect(countText(text).unfamiliar).toBe(0));
  it.each(["We saw an axolotl.", "A bathymetric map.", "He is a barrister-general."])("does not know a word of %j", (text) =>
    expect(countText(text).unfamiliar).toBeGreaterThan(0),
  );

  it("takes no run of letters for a word that is none", () => {
    expect(countText(`The ${"ab".repeat(50_000)} sat.`)).toMatchObject({ word: 2 });
  });

  it("takes time in proportion to the length", () => {
    for (const unit of hostile) expect(findGrowth(unit, countText), JSON.stringify(unit)).toBeLessThan(10);
  });
});
