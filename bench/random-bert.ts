import { writeCheckpoint } from "../lib/bert/checkpoint.js";
import { parseConfig } from "../lib/bert/config.js";
import { listParameters, sizeOf } from "../lib/bert/parameters.js";
import { createRandom } from "../lib/math/random.js";
import { writeTokenizerFiles } from "../lib/text/tokenizer.js";

/** The sizes that determine a model's cost, as config.json names them. */
interface BertShape {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  /** Standard deviation of its weights; the default of transformers if absent. */
  readonly initializer_range?: number;
}

export const bertBase: BertShape = { hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12, intermediate_size: 3072 };

/** A few milliseconds a text, for faults and memory. Its weights are large enough that scores of texts differ. */
export const bertTiny: BertShape = {
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 256,
  initializer_range: 0.1,
};

/**
 * Writes a BERT of random weights that reads up to 512 tokens, with the tokenizer of another checkpoint.
 * @param maxLength tokens at which its tokenizer truncates
 * @returns `out`
 */
export function writeRandomBert(out: string, shape: BertShape, tokenizer: string, maxLength: number): string {
  const config = parseConfig(
    JSON.stringify({ model_type: "bert", vocab_size: 30522, max_position_embeddings: 512, ...shape }),
    "random weights",
  );
  const random = createRandom(0);
  const draw = (name: string, decayed: boolean) => () =>
    decayed ? random.normal() * config.initializerRange : Number(name.endsWith("LayerNorm.weight"));
  const weights = new Map(
    listParameters(config).map(({ name, shape, decayed }) => [
      name,
      { shape, data: Float32Array.from({ length: sizeOf(shape) }, draw(name, decayed)) },
    ]),
  );
  writeCheckpoint(out, { config, weights });
  writeTokenizerFiles(tokenizer, out, maxLength);
  return out;
}
