import { writeCheckpoint } from "../lib/bert/checkpoint.js";
import { parseConfig } from "../lib/bert/config.js";
import { listParameters, sizeOf } from "../lib/bert/parameters.js";
import { createRandom } from "../lib/math/random.js";
import { loadTokenizer, writeTokenizerFiles } from "../lib/text/tokenizer.js";

/** What a model's cost depends on, as config.json names it. */
const shapes = {
  base: { hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12, intermediate_size: 3072 },
  /** A few milliseconds a text. Its weights are large enough that scores of texts differ. */
  tiny: { hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 256, initializer_range: 0.1 },
  /** For what reads a model: 100 kB. */
  least: { hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32, initializer_range: 0.1 },
} as const;

/**
 * Writes a BERT of random weights that has 512 positions, with the tokenizer of another checkpoint.
 * @param maxLength tokens at which its tokenizer truncates
 * @returns `out`
 */
export function writeRandomBert(out: string, shape: keyof typeof shapes, tokenizer: string, maxLength = 256): string {
  const source = { model_type: "bert", vocab_size: loadTokenizer(tokenizer).largestId + 1, max_position_embeddings: 512, ...shapes[shape] };
  const config = parseConfig(JSON.stringify(source), "random weights");
  const random = createRandom(0);
  const weights = new Map(
    listParameters(config).map(({ name, shape, decayed }) => {
      const draw = () => (decayed ? random.normal() * config.initializerRange : Number(name.endsWith("LayerNorm.weight")));
      return [name, { shape, data: Float32Array.from({ length: sizeOf(shape) }, draw) }];
    }),
  );
  writeCheckpoint(out, { config, weights });
  writeTokenizerFiles(tokenizer, out, maxLength);
  return out;
}
