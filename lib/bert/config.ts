import { join } from "node:path";
import { z } from "zod";
import { describeIssues } from "../errors/describe-issues.js";
import { fail } from "../errors/errors.js";
import { readFile } from "../storage/files.js";
import { type FamilyName, families, familyNames } from "./families.js";

/** Heads: transformers' own on [CLS], or ours on the mean of a text's tokens. */
export const heads = ["cls", "mean"] as const;

export interface BertConfig {
  readonly family: FamilyName;
  readonly head: (typeof heads)[number];
  readonly vocabulary: number;
  /** Width of the embedding tables' rows. */
  readonly embedding: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediate: number;
  /** Longest sequence, in tokens. */
  readonly positions: number;
  /** Row of the position table for the first token. */
  readonly firstPosition: number;
  /** Rows of the token type table; 0 where the family has none. */
  readonly tokenTypes: number;
  /** Rows of the table of relative positions; 0 where the family has none. */
  readonly buckets: number;
  readonly epsilon: number;
  /** Standard deviation of newly initialized weights. */
  readonly initializerRange: number;
  readonly padId: number;
  /** config.json as it was read. */
  readonly source: Readonly<Record<string, unknown>>;
}

const count = z.number().int().positive();

/** The fields that are read from every config.json, by transformers' names. */
const common = z
  .object({
    vocab_size: count,
    max_position_embeddings: count,
    initializer_range: z.number().positive().default(0.02),
    pad_token_id: z.number().int().nonnegative().nullish(),
    position_embedding_type: z.literal("absolute").default("absolute"),
    readability_head: z.enum(heads).default("cls"),
  })
  .transform((c) => ({
    vocabulary: c.vocab_size,
    rows: c.max_position_embeddings,
    initializerRange: c.initializer_range,
    padId: c.pad_token_id ?? undefined,
    head: c.readability_head,
  }));

interface Sizes
  extends Pick<BertConfig, "embedding" | "hidden" | "layers" | "heads" | "intermediate" | "tokenTypes" | "buckets" | "epsilon"> {
  readonly activation: string;
}

const usual = z.object({
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  intermediate_size: count,
  hidden_act: z.string().default("gelu"),
  layer_norm_eps: z.number().positive().default(1e-12),
  type_vocab_size: count.default(2),
});

const readUsual = (c: z.infer<typeof usual>): Sizes => ({
  embedding: c.hidden_size,
  hidden: c.hidden_size,
  layers: c.num_hidden_layers,
  heads: c.num_attention_heads,
  intermediate: c.intermediate_size,
  activation: c.hidden_act,
  tokenTypes: c.type_vocab_size,
  buckets: 0,
  epsilon: c.layer_norm_eps,
});

/** The fields whose names differ between families. */
const sizes: { readonly [family in FamilyName]: z.ZodType<Sizes> } = {
  bert: usual.transform(readUsual),
  distilbert: z
    .object({ dim: count, n_layers: count, n_heads: count, hidden_dim: count, activation: z.string().default("gelu") })
    .transform((c) =>
      readUsual({
        hidden_size: c.dim,
        num_hidden_layers: c.n_layers,
        num_attention_heads: c.n_heads,
        intermediate_size: c.hidden_dim,
        hidden_act: c.activation,
        layer_norm_eps: 1e-12,
        type_vocab_size: 0,
      }),
    ),
  roberta: usual.transform(readUsual),
  electra: usual.extend({ embedding_size: count }).transform((c) => ({ ...readUsual(c), embedding: c.embedding_size })),
  mpnet: usual
    .extend({ relative_attention_num_buckets: z.literal(32).default(32) })
    .transform((c) => ({ ...readUsual(c), tokenTypes: 0, buckets: c.relative_attention_num_buckets })),
};

const remedy = `Use a checkpoint of a supported family (${familyNames.join(", ")}) in Hugging Face format.`;

/** @throws no-file, bad-config (a field that does not fit, another family, another activation) */
export function readConfig(folder: string): BertConfig {
  const file = join(folder, "config.json");
  const text = readFile(file, "a checkpoint's configuration", remedy).toString("utf8");
  return parseConfig(text, file);
}

/** @param file its name, for errors */
export function parseConfig(text: string, file: string): BertConfig {
  const refuse = (problem: string) => fail("bad-config", { file, problem, remedy });
  let source: unknown;
  try {
    source = JSON.parse(text);
  } catch {
    return refuse("it is not JSON");
  }
  const type = (source as { model_type?: unknown } | null)?.model_type;
  const family = familyNames.find((name) => name === type) ?? refuse(`its model_type ${JSON.stringify(type)} is not supported`);
  const parsed = common.and(sizes[family]).safeParse(source);
  if (!parsed.success) return refuse(describeIssues(parsed.error, source));
  const { activation, rows, padId = families[family].padId, ...fields } = parsed.data;
  if (activation !== "gelu") refuse(`its activation ${JSON.stringify(activation)} is not supported, only "gelu" is`);
  if (fields.hidden % fields.heads !== 0)
    refuse(`its hidden size ${fields.hidden} is not a multiple of its ${fields.heads} attention heads`);
  const firstPosition = families[family].firstPosition(padId);
  if (rows <= firstPosition) refuse(`its max_position_embeddings ${rows} leaves no position after the one for padding`);
  return { ...fields, family, padId, firstPosition, positions: rows - firstPosition, source: source as Record<string, unknown> };
}
