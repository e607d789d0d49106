import type { BertConfig } from "../bert/config.js";
import { tablesOf } from "../bert/families.js";
import { rowInputs } from "../bert/plain.js";
import type { Data } from "../onnx/session.js";
import type { PaddedTokens } from "./batch.js";
import type { Layout } from "./layout.js";
import { addTo } from "./vector.js";

/** The embedding tables. Their rows are looked up here and passed to the graphs, so that no gradient of a whole table is ever computed. */
export interface Tables {
  /** The rows that these tokens need, as inputs of the graphs. @param parameters all parameters, flat */
  lookUp(parameters: Float32Array, tokens: PaddedTokens): Record<string, Data>;
  /** Adds the gradients of the looked-up rows to those of the tables. @param gradientOf gradient of a graph input */
  addGradients(gradients: Float32Array, tokens: PaddedTokens, gradientOf: (input: string) => Float32Array): void;
  /** Sets to 0 what `addGradients` changed since the last call. */
  clearGradients(gradients: Float32Array): void;
}

/** Use one per array of gradients, because it tracks which rows have changed. */
export function createTables(config: BertConfig, layout: Layout): Tables {
  const { embedding: width, firstPosition } = config;
  const names = tablesOf(config.family);
  const word = layout.slot(names.word);
  const positions = layout.slot(names.position).offset + firstPosition * width;
  const tokenType = names.tokenType === undefined ? undefined : layout.slot(names.tokenType).offset;
  const touched = new Set<number>();
  const float = (data: Float32Array): Data => ({ dtype: "float32", shape: [data.length / width, width], data });
  return {
    lookUp(parameters, { sequence, ids }) {
      const words = new Float32Array(ids.length * width);
      ids.forEach((id, i) => {
        const row = word.offset + Number(id) * width;
        words.set(parameters.subarray(row, row + width), i * width);
      });
      return {
        [rowInputs.word]: float(words),
        [rowInputs.position]: float(parameters.slice(positions, positions + sequence * width)),
        ...(tokenType === undefined ? {} : { [rowInputs.tokenType]: float(parameters.slice(tokenType, tokenType + width)) }),
      };
    },
    addGradients(gradients, { ids }, gradientOf) {
      const words = gradientOf(rowInputs.word);
      ids.forEach((id, i) => {
        const row = word.offset + Number(id) * width;
        touched.add(row);
        addTo(gradients, row, words.subarray(i * width, (i + 1) * width));
      });
      addTo(gradients, positions, gradientOf(rowInputs.position));
      if (tokenType !== undefined) addTo(gradients, tokenType, gradientOf(rowInputs.tokenType));
    },
    clearGradients(gradients) {
      for (const row of touched) gradients.fill(0, row, row + width);
      touched.clear();
      gradients.fill(0, word.offset + word.size, layout.dense);
    },
  };
}
