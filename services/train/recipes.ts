/** Values of options that neither a flag nor the environment sets. */
export interface Recipe {
  readonly base: string;
  readonly head: "cls" | "mean";
  readonly loss: "mse" | "rmse";
  readonly epochs: number;
  /** Passages per step. */
  readonly batch: number;
  /** Tokens, special tokens included. */
  readonly maxLength: number;
  /** Peak learning rate. */
  readonly lr: number;
  /** Share of the steps in which the learning rate rises. */
  readonly warmup: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clip: number;
  readonly dropout: number;
  /** Probability that a passage is cropped. */
  readonly crop: number;
  /** Probability that other passages follow a passage. */
  readonly join: number;
}

export const recipes = {
  /** Takes minutes on a CPU; based on the winners of the CommonLit competition. */
  default: {
    base: "sentence-transformers/all-MiniLM-L6-v2",
    head: "cls",
    loss: "mse",
    epochs: 4,
    batch: 16,
    maxLength: 256,
    lr: 1e-4,
    warmup: 0.1,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-6,
    weightDecay: 0.1,
    clip: 1,
    dropout: 0,
    crop: 0,
    join: 0,
  },
  /** That of the original Python stack: transformers' Trainer with its defaults. */
  original: {
    base: "google-bert/bert-base-cased",
    head: "cls",
    loss: "rmse",
    epochs: 3,
    batch: 32,
    maxLength: 300,
    lr: 1e-5,
    warmup: 0,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    clip: 1,
    dropout: 0.1,
    crop: 0,
    join: 0,
  },
} satisfies Record<string, Recipe>;
