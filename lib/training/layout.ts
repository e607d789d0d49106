import type { BertConfig } from "../bert/config.js";
import { familyNames, tablesOf } from "../bert/families.js";
import { listParameters, type Parameter, sizeOf } from "../bert/parameters.js";

/** Where a parameter lies in the flat arrays that hold all of them. */
export interface Slot extends Parameter {
  readonly offset: number;
  readonly size: number;
}

export interface Layout {
  readonly slots: readonly Slot[];
  /** Elements of all parameters together. */
  readonly size: number;
  readonly slot: (name: string) => Slot;
}

/** Every parameter one after the other, in the model's order: the embedding tables first. */
export function layOut(config: BertConfig): Layout {
  let size = 0;
  const slots = listParameters(config).map((parameter) => {
    const slot = { ...parameter, offset: size, size: sizeOf(parameter.shape) };
    size += slot.size;
    return slot;
  });
  const byName = new Map(slots.map((slot) => [slot.name, slot]));
  return { slots, size, slot: (name) => byName.get(name)! };
}

const tableNames = new Set(familyNames.flatMap((family) => Object.values(tablesOf(family))));
export const isTable = ({ name }: Parameter): boolean => tableNames.has(name);

/** The elements that worker `index` of `workers` reduces and updates. */
export function shardOf(size: number, index: number, workers: number): readonly [number, number] {
  return [Math.floor((size * index) / workers), Math.floor((size * (index + 1)) / workers)];
}
