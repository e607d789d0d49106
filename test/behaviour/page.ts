import { mean } from "../../lib/math/statistics.js";
import { markdownTable } from "../../lib/report/markdown.js";
import { bars, fleschLine } from "./bars.js";
import {
  compared,
  type measureForms,
  type measureLevels,
  type measureOrders,
  type measureOutside,
  type measurePairs,
  type measureTraps,
  resists,
} from "./measure.js";
import { kinds, trapKinds } from "./pairs.js";

interface Measured {
  /** Name of the released model. */
  readonly model: string;
  readonly pairs: Awaited<ReturnType<typeof measurePairs>>;
  readonly traps: Awaited<ReturnType<typeof measureTraps>>;
  readonly levels: Awaited<ReturnType<typeof measureLevels>>;
  readonly forms: Awaited<ReturnType<typeof measureForms>>;
  readonly outside: Awaited<ReturnType<typeof measureOutside>>;
  readonly orders: Awaited<ReturnType<typeof measureOrders>>;
}

/** The text of docs/behaviour.md. */
export function describeBehaviour({ model, pairs, traps, levels, forms, outside, orders }: Measured): string {
  const wrong = pairs.filter(({ rise }) => rise <= 0).map(({ id }) => id);
  const fallenFor = traps.filter((trap) => !resists(trap)).map(({ id }) => id);
  return `# What the released model does

How \`${model}\` scores texts that were written to test it. \`npx vitest run test/behaviour -u\` measures everything here, in fp32, and writes this page. The tests in
\`test/behaviour/behaviour.test.ts\` hold the model, in fp32 and in int8, to the bars in \`test/behaviour/bars.ts\`. A difference of one point of score is about the standard deviation of the
labels.

## Easier rewrites

We wrote ${pairs.length} passages as a textbook, newspaper, story, or the like would have them, for grades 3 to 12, and rewrote each to be easier to read with the same meaning. The columns
count the pairs whose rewrite the model scores higher, or a formula finds easier. "Rise" is the mean change of the score.

${markdownTable(["what is easier", "pairs", "model", "rise", ...compared.map((name) => formulaNames[name])], [...listPairs(pairs)])}
${wrong.length === 0 ? "The model gets none of them wrong." : `The model gets these wrong: ${wrong.join(", ")}.`} The formulas count letters, syllables and words, so they miss what short, rare words, missing links
and figures of speech cost a reader. We wrote these three kinds, and two pairs of explained terms, to show that, so the formulas' totals depend on how many such pairs there are: on a first
set without them, every formula got all 60 pairs right, and so did the model. One author wrote all texts, and no reader rated them. That a model gets them right does not
mean that its scores are accurate: see the [model card](../models/${model}/README.md).

## Traps

In ${traps.length} other pairs, the rewrite is hardly easier, but Flesch's reading ease rises. On the labelled passages, a point of reading ease goes with ${fleschLine.slope.toFixed(3).slice(1)} of score. So the rise in reading
ease predicts a rise in score. The model resists a trap if its score rises by less than a third of that.

${markdownTable(["trap", "pairs", "reading ease", "predicted rise", "rise", "resisted"], [...listTraps(traps)])}
${fallenFor.length === 0 ? "The model falls for none." : `The model falls for ${fallenFor.join(", ")}.`} It does not notice that a text makes no sense if the words and the grammar are simple.

## Levels

The [sample](../data/sample/README.md) has 12 passages at each of eight levels. Mean scores, from the easiest level to the hardest: ${levels.means.map((score) => formatScore(score)).join(", ")}.
Spearman's correlation with the levels is ${formatShare(levels.all)}, and ${formatShare(levels.from3)} for levels 3 to 8. The model hardly tells levels 1 to 3 apart, and few of the passages it learned from are for beginners: 6 % have a label above .6.

## The same text in another form

We gave each of the ${Math.max(...forms.map(({ texts }) => texts))} sample passages other forms, at seeded random places, and compared the scores.

${listForms(forms)}

## Texts that are no prose

The model scores any text, but for these a score means little. All but dialogue get a [warning](texts.md#warned-about). One example each:

${markdownTable(
  ["text", "score", "warning"],
  outside.map(({ name, score, found }) => [name, formatScore(score), found.map((code) => `\`${code}\``).join(", ") || "none"]),
  [0, 2],
)}
The sample's passages in another order, with the mean change of the score:

${markdownTable(
  ["order", "levels 1 to 4", "levels 5 to 8", "passages with a warning"],
  orders.map(({ name, easy, hard, warned }) => [name, formatRise(easy), formatRise(hard), warned]),
)}
No warning says that a text is out of order, and its score still depends mostly on its words.
`;
}

const formulaNames: Readonly<Record<(typeof compared)[number], string>> = {
  flesch_kincaid_grade: "Flesch-Kincaid",
  smog: "SMOG",
  coleman_liau: "Coleman-Liau",
  dale_chall: "Dale-Chall",
};

function* listPairs(pairs: Measured["pairs"]) {
  const count = (name: string, some: Measured["pairs"]) => [
    name,
    some.length,
    some.filter(({ rise }) => rise > 0).length,
    formatRise(mean(some.map(({ rise }) => rise))),
    ...compared.map((formula) => some.filter(({ right }) => right.includes(formula)).length),
  ];
  for (const [kind, name] of Object.entries(kinds)) yield count(name, pairs.filter((pair) => pair.kind === kind)); // biome-ignore format: one line
  yield count("all", pairs);
}

function* listTraps(traps: Measured["traps"]) {
  for (const [kind, name] of Object.entries(trapKinds)) {
    const some = traps.filter((trap) => trap.kind === kind);
    const meanOf = (key: "flesch" | "predicted" | "rise") => mean(some.map((trap) => trap[key]));
    yield [name, some.length, `+${Math.round(meanOf("flesch"))}`, formatRise(meanOf("predicted")), formatRise(meanOf("rise")), some.filter(resists).length]; // biome-ignore format: one line
  }
}

function listForms(forms: Measured["forms"]): string {
  const names = (some: Measured["forms"]) => some.map(({ name }) => name).join("; ");
  const [same, changed] = [forms.filter(({ largest }) => largest === 0), forms.filter(({ largest }) => largest > 0)];
  const changes = changed.map(({ name, texts, largest }) => `${name} (${texts} passages) by at most ${formatScore(largest)}`);
  return `- Not a bit of any score changes with: ${names(same)}. [Normalization](texts.md#changed-before-scoring) removes them.
- The tokenizer sees other tokens and the score changes with: ${changes.join("; ")}. The tests allow ${formatScore(bars.noise.seen)}.`;
}

/** Two digits, as the docs write numbers: .52, -1.20. */
const formatScore = (score: number) => score.toFixed(2).replace(/^(-?)0\./, "$1.");
const formatRise = (rise: number) => (rise < 0 ? formatScore(rise) : `+${formatScore(rise)}`);
const formatShare = (share: number) => share.toFixed(3).replace(/^0/, "");
