import { createRandom, type Random } from "../../lib/math/random.js";
import { correlate, mean, rank } from "../../lib/math/statistics.js";
import { applyFormulas, type FormulaScores, readingEase } from "../../lib/text/formulas.js";
import { normalizeText } from "../../lib/text/normalize.js";
import { splitSentences } from "../../lib/text/sentences.js";
import { describeText } from "../../lib/text/warnings.js";
import { bars, fleschLine } from "./bars.js";
import { type Form, forms } from "./forms.js";
import { outsideTexts } from "./outside.js";
import { type Pair, pairs, traps } from "./pairs.js";

export type Score = (text: string) => Promise<number>;

/** A passage of data/sample. */
export interface SamplePassage {
  readonly level: number;
  readonly text: string;
}

/** Of these formulas the tables tell how many pairs they get right. All fall with ease. */
export const compared = ["flesch_kincaid_grade", "smog", "coleman_liau", "dale_chall"] as const satisfies readonly (keyof FormulaScores)[];

const scoreBoth = async (score: Score, { original, rewrite }: Pair<string>) => (await score(rewrite)) - (await score(original));

/** For each pair, how much higher the rewrite scores, and which formulas find it easier. */
export const measurePairs = (score: Score) =>
  Promise.all(
    pairs.map(async (pair) => {
      const [before, after] = [pair.original, pair.rewrite].map((text) => applyFormulas(normalizeText(text)));
      const right = compared.filter((name) => after![name]! < before![name]!);
      return { ...pair, rise: await scoreBoth(score, pair), right };
    }),
  );

/** For each trap, the rise of reading ease, the rise of the score that it predicts, and the score's rise. */
export const measureTraps = (score: Score) =>
  Promise.all(
    traps.map(async (trap) => {
      const flesch = readingEase(trap.rewrite) - readingEase(trap.original);
      return { ...trap, flesch, predicted: flesch * fleschLine.slope, rise: await scoreBoth(score, trap) };
    }),
  );

export const resists = ({ rise, predicted }: { readonly rise: number; readonly predicted: number }) => rise < bars.trapShare * predicted;

/** Spearman's correlation of the score with the ease of the levels, and the mean score of each level. */
export async function measureLevels(score: Score, sample: readonly SamplePassage[]) {
  const rows = await Promise.all(sample.map(async ({ level, text }) => ({ level, score: await score(text) })));
  const spearman = (from: number) => {
    const some = rows.filter(({ level }) => level >= from);
    return correlate(rank(some.map(({ score }) => score)), rank(some.map(({ level }) => -level)));
  };
  const levels = [...new Set(rows.map(({ level }) => level))].sort();
  const means = levels.map((level) => mean(rows.filter((row) => row.level === level).map(({ score }) => score)));
  return { all: spearman(1), from3: spearman(3), means };
}

/**
 * The largest change of a score by each form of the sample's passages. Only forms that differ for the tokenizer are scored, because the
 * same token ids always give the same score.
 */
export function measureForms(score: Score, encode: (text: string) => string, sample: readonly SamplePassage[]) {
  const measureForm = async ({ base, change }: Form, i: number) => {
    const differences = sample.map(async ({ text }, j) => {
      const [before, after] = [base?.(text) ?? text, change(text, createRandom(0, i, j))];
      if (after === before) return undefined;
      return encode(before) === encode(after) ? 0 : Math.abs((await score(after)) - (await score(before)));
    });
    return (await Promise.all(differences)).filter((difference) => difference !== undefined);
  };
  return Promise.all(
    forms.map(async (form, i) => {
      const differences = await measureForm(form, i);
      return { ...form, texts: differences.length, same: differences.filter((x) => x === 0).length, largest: Math.max(...differences) };
    }),
  );
}

/** The score of each text that is no prose, and the warnings that it gets. */
export const measureOutside = (score: Score) =>
  Promise.all(
    outsideTexts.map(async ({ name, text, warnings }) => ({
      name,
      score: await score(text),
      expected: warnings,
      found: describeText(text).map(({ code }) => code),
    })),
  );

/** Orders of a text that no reader would take for the same. */
const orders: Readonly<Record<string, (text: string, random: Random) => string>> = {
  "sentences in random order": (text, random) =>
    random
      .shuffle(splitSentences(text))
      .map((sentence) => sentence.trim())
      .join(" "),
  "words in random order": (text, random) => random.shuffle(text.split(/\s+/)).join(" "),
};

/** How the score of the sample's passages changes on average in each order, and how many get a warning. */
export const measureOrders = (score: Score, sample: readonly SamplePassage[]) =>
  Promise.all(
    Object.entries(orders).map(async ([name, shuffle]) => {
      const changes = sample.map(async ({ level, text }, i) => {
        const shuffled = shuffle(text, createRandom(0, i));
        return { level, change: (await score(shuffled)) - (await score(text)), warned: describeText(shuffled).length > 0 };
      });
      const rows = await Promise.all(changes);
      const meanOf = (keep: (level: number) => boolean) => mean(rows.filter(({ level }) => keep(level)).map(({ change }) => change));
      return {
        name,
        easy: meanOf((level) => level <= 4),
        hard: meanOf((level) => level > 4),
        warned: rows.filter(({ warned }) => warned).length,
      };
    }),
  );
