import type { BertConfig } from "../bert/config.js";
import { tablesOf } from "../bert/families.js";
import { listParameters, type Parameter, sizeOf } from "../bert/parameters.js";
import type { Data } from "../onnx/session.js";

/** A parameter and its place in the flat arrays that hold all parameters. */
interface Slot extends Parameter {
  readonly offset: number;
  readonly size: number;
}

export interface Layout {
  readonly slots: readonly Slot[];
  /** Elements of all parameters together. */
  readonly size: number;
  /** Offset of the dense parameters. The embedding tables come first; the training graph takes only rows of them. */
  readonly dense: number;
  readonly slot: (name: string) => Slot;
}

/** Places every parameter one after the other, in the model's order: the embedding tables first. */
export function layOut(config: BertConfig): Layout {
  let size = 0;
  const slots = listParameters(config).map((parameter): Slot => {
    const slot = { ...parameter, offset: size, size: sizeOf(parameter.shape) };
    size += slot.size;
    return slot;
  });
  const byName = new Map(slots.map((slot) => [slot.name, slot]));
  const tables = new Set<string | undefined>(Object.values(tablesOf(config.family)));
  const dense = slots.find(({ name }) => !tables.has(name))!.offset;
  return { slots, size, dense, slot: (name) => byName.get(name)! };
}

/** The dense parameters as tensors that are views of `array`, which holds all of them. */
export function viewDense({ slots, dense }: Layout, array: Float32Array, rename = (name: string) => name): Record<string, Data> {
  return Object.fromEntries(
    slots
      .filter(({ offset }) => offset >= dense)
      .map(({ name, shape, offset, size }) => {
        const data = array.subarray(offset - dense, offset - dense + size);
        return [rename(name), { dtype: "float32", shape, data }];
      }),
  );
}

/** The elements that worker `index` of `workers` reduces and updates. */
export function shardOf(size: number, index: number, workers: number): readonly [begin: number, end: number] {
  return [Math.floor((size * index) / workers), Math.floor((size * (index + 1)) / workers)];
}
