import { join } from "node:path";
import { z } from "zod";
import { fail } from "../errors.js";
import { readFile } from "../files.js";

const count = z.number().int().positive();

/** What is read of a checkpoint's config.json; names are transformers'. */
const schema = z.object({
  model_type: z.string(),
  vocab_size: count,
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  intermediate_size: count,
  max_position_embeddings: count,
  type_vocab_size: count.default(2),
  layer_norm_eps: z.number().positive().default(1e-12),
  initializer_range: z.number().positive().default(0.02),
  hidden_act: z.string().default("gelu"),
  pad_token_id: z
    .number()
    .int()
    .nonnegative()
    .nullish()
    .transform((id) => id ?? 0),
  position_embedding_type: z.literal("absolute").default("absolute"),
});

/** Families whose checkpoints can be read. */
export const families = ["bert"] as const;

export interface BertConfig {
  readonly family: (typeof families)[number];
  readonly vocabulary: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediate: number;
  /** Longest sequence, in tokens. */
  readonly positions: number;
  readonly tokenTypes: number;
  readonly epsilon: number;
  /** Standard deviation of freshly drawn weights. */
  readonly initializerRange: number;
  readonly padId: number;
  /** config.json as it was read. */
  readonly source: Readonly<Record<string, unknown>>;
}

const remedy = `Use a checkpoint of a supported family (${families.join(", ")}) in Hugging Face format.`;

/** @throws no-file, bad-config (a field that does not fit, another family, another activation) */
export function readConfig(folder: string): BertConfig {
  const file = join(folder, "config.json");
  const text = readFile(file, "a checkpoint's configuration", remedy).toString("utf8");
  return parseConfig(text, file);
}

/** @param file the name that errors give */
export function parseConfig(text: string, file: string): BertConfig {
  const refuse = (problem: string) => fail("bad-config", { file, problem, remedy });
  let source: unknown;
  try {
    source = JSON.parse(text);
  } catch {
    return refuse("it is not JSON");
  }
  const family = (source as { model_type?: unknown } | null)?.model_type;
  if (!families.some((name) => name === family)) refuse(`its model_type is ${JSON.stringify(family)}`);
  const parsed = schema.safeParse(source);
  if (!parsed.success) return refuse(z.prettifyError(parsed.error));
  const c = parsed.data;
  if (c.hidden_act !== "gelu") refuse(`its hidden_act is ${JSON.stringify(c.hidden_act)}; only "gelu" is supported`);
  if (c.hidden_size % c.num_attention_heads !== 0)
    refuse(`its hidden_size ${c.hidden_size} is not a multiple of ${c.num_attention_heads} heads`);
  return {
    family: "bert",
    vocabulary: c.vocab_size,
    hidden: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    intermediate: c.intermediate_size,
    positions: c.max_position_embeddings,
    tokenTypes: c.type_vocab_size,
    epsilon: c.layer_norm_eps,
    initializerRange: c.initializer_range,
    padId: c.pad_token_id,
    source: source as Record<string, unknown>,
  };
}
