import { createRandom } from "../math/random.js";
import { groupByText, type Passage } from "./dataset.js";

const bins = 5;

/**
 * Holds out `fraction` of the passages: a rounded share of each of five equal-width bins of the target, in an order that depends only on
 * the seed. Passages with the same text stay on one side, even if a bin then misses its share.
 * @returns indices into `passages`, ascending
 */
export function splitPassages(passages: readonly Passage[], fraction: number, seed: number): { train: number[]; validation: number[] } {
  const bin = binTargets(passages.map(({ target }) => target));
  const wanted = new Array<number>(bins).fill(0);
  for (const b of bin) wanted[b]!++;
  for (let b = 0; b < bins; b++) wanted[b] = roundToEven(wanted[b]! * fraction);
  const heldOut = new Set<number>();
  for (const group of createRandom(seed).shuffle([...groupByText(passages)])) {
    const left = [...wanted];
    for (const i of group) left[bin[i]!]!--;
    if (left.some((count) => count < 0)) continue;
    left.forEach((count, b) => {
      wanted[b] = count;
    });
    for (const i of group) heldOut.add(i);
  }
  const all = passages.map((_, i) => i);
  return { train: all.filter((i) => !heldOut.has(i)), validation: all.filter((i) => heldOut.has(i)) };
}

/**
 * Distributes the passages over folds. Each fold gets about equally many from each of five equal-width bins of the target, in an order
 * that depends only on the seed. Passages with the same text go to the same fold.
 * @returns the fold of each passage, from 0
 */
export function splitFolds(passages: readonly Passage[], folds: number, seed: number): number[] {
  const bin = binTargets(passages.map(({ target }) => target));
  const dealt = Array.from({ length: folds }, () => ({ bins: new Array<number>(bins).fill(0), all: 0 }));
  const foldOf = new Array<number>(passages.length);
  for (const group of createRandom(seed).shuffle([...groupByText(passages)])) {
    const inBins = dealt.map(({ bins }) => group.reduce((sum, i) => sum + bins[bin[i]!]!, 0));
    const emptier = (a: number, b: number) => inBins[a]! < inBins[b]! || (inBins[a] === inBins[b] && dealt[a]!.all < dealt[b]!.all);
    const fold = dealt.reduce((best, _, other) => (emptier(other, best) ? other : best), 0);
    for (const i of group) {
      dealt[fold]!.bins[bin[i]!]!++;
      dealt[fold]!.all++;
      foldOf[i] = fold;
    }
  }
  return foldOf;
}

/** How a run held out passages, from its training record: a share of them, or one fold (numbered from 1). */
export interface Split {
  readonly seed: number;
  readonly validation_fraction: number;
  readonly fold?: { readonly number: number; readonly of: number } | undefined;
}

/** Indices of the passages that all of the splits hold out, ascending. */
export function holdOut(passages: readonly Passage[], splits: readonly Split[]): number[] {
  const held = splits.map(({ seed, validation_fraction, fold }) => {
    if (fold === undefined) return new Set(splitPassages(passages, validation_fraction, seed).validation);
    return new Set(splitFolds(passages, fold.of, seed).flatMap((number, i) => (number === fold.number - 1 ? [i] : [])));
  });
  return [...passages.keys()].filter((i) => held.every((side) => side.has(i)));
}

/** The bin of each value, from 0. Bins are closed on the right, as in pandas.cut. */
function binTargets(values: readonly number[]): number[] {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const edges = Array.from({ length: bins - 1 }, (_, i) => low + ((high - low) * (i + 1)) / bins);
  return values.map((value) => edges.filter((edge) => value > edge).length);
}

/** Rounds ties to even, as Python's round does. */
function roundToEven(value: number): number {
  const whole = Math.floor(value);
  return value - whole === 0.5 ? whole + (whole % 2) : Math.round(value);
}
