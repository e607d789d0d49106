import { createRandom } from "../random.js";
import { groupByText, type Passage } from "./dataset.js";

const bins = 5;

/**
 * Holds out `fraction` of the passages: of each of five equal-width bins of the target a rounded share, in an order that depends on the
 * seed alone. Passages with the same text stay on one side, even where a bin's share is then missed by some.
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

/** The bin of each value, from 0; bins are closed on the right, as pandas.cut has them. */
function binTargets(values: readonly number[]): number[] {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const edges = Array.from({ length: bins - 1 }, (_, i) => low + ((high - low) * (i + 1)) / bins);
  return values.map((value) => edges.filter((edge) => value > edge).length);
}

/** Ties to even, as Python's round. */
function roundToEven(value: number): number {
  const whole = Math.floor(value);
  return value - whole === 0.5 ? whole + (whole % 2) : Math.round(value);
}
