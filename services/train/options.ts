import { z } from "zod";
import { heads } from "../../lib/bert/config.js";
import { kinds, type Option, option, type Values } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import { countCores } from "../../lib/system/cores.js";
import { type Recipe, recipes } from "./recipes.js";
import { selections } from "./select.js";

const share = z.coerce.number().min(0).max(0.9);

/** A setting whose default is the recipe's. */
function fromRecipe<T>(schema: z.ZodType<T>, name: keyof Recipe, help: string): Option<T | undefined> {
  return option(
    schema.optional(),
    undefined,
    `${help} Default: the recipe's, ${Object.entries(recipes)
      .map(([recipe, values]) => `${values[name]} (${recipe})`)
      .join(" or ")}.`,
  );
}

export const options = {
  data: option(kinds.text, places.data, "Graded passages: a csv with the columns excerpt and target, plain or in a zip."),
  out: option(kinds.text, places.model, "Folder for the checkpoint, its record and metrics.jsonl."),
  recipe: option(
    z.enum(["default", "original"]),
    "default",
    "A set of defaults: default (minutes on a CPU) or original (the original Python stack's).",
  ),
  base: fromRecipe(kinds.text, "base", "Pretrained checkpoint: a folder in Hugging Face format, or a name on its hub."),
  head: fromRecipe(
    z.enum(heads),
    "head",
    "What scores a text: cls (transformers' own, on the first token) or mean (of all tokens; ours alone reads it).",
  ),
  epochs: fromRecipe(kinds.positive, "epochs", "Passes over the training passages."),
  batch: fromRecipe(kinds.positive, "batch", "Passages a step."),
  lr: fromRecipe(z.coerce.number().positive(), "lr", "Peak learning rate; 5e-5 suits 768-wide models."),
  maxLength: fromRecipe(kinds.positive, "maxLength", "Tokens the model reads of a passage, special tokens included."),
  loss: fromRecipe(z.enum(["mse", "rmse"]), "loss", "What is minimised: mean squared error or its root."),
  warmup: fromRecipe(share, "warmup", "Share of the steps in which the learning rate rises; after it, it falls to 0 in a straight line."),
  weightDecay: fromRecipe(z.coerce.number().min(0), "weightDecay", "AdamW's weight decay; none on biases and LayerNorms."),
  beta1: fromRecipe(share.max(0.9999), "beta1", "AdamW's decay of first moments."),
  beta2: fromRecipe(z.coerce.number().min(0).max(0.99999), "beta2", "AdamW's decay of second moments."),
  epsilon: fromRecipe(z.coerce.number().positive(), "epsilon", "AdamW's term against division by zero."),
  clip: fromRecipe(z.coerce.number().positive(), "clip", "Largest norm of the gradient; a larger one is scaled down to it."),
  dropout: fromRecipe(share, "dropout", "Share of activations zeroed while training."),
  validation: option(z.coerce.number().positive().max(0.5), 0.1, "Share of the passages held out to measure on; not with --folds."),
  folds: option(
    kinds.count.refine((folds) => folds !== 1, "expected 0 or at least 2"),
    0,
    "Trains so many models, each measured on the fold that it has not seen: checkpoints in OUT/fold-1 and so on, scores of every passage in OUT/predictions.csv, a summary in OUT/folds.json. 0: one model.",
  ),
  weighting: option(
    z.enum(["none", "inverse-variance"]),
    "none",
    "How passages count: none (all the same) or inverse-variance (by 1 / (standard_error^2 + its median^2), mean 1; 0 or no standard error counts as the median). The losses of metrics.jsonl and of the column Training Loss are then weighted; validation is not.",
  ),
  layerDecay: option(
    z.coerce.number().positive().max(1),
    1,
    "Layer-wise decay of the learning rate: a layer's is this times that of the layer above it; the head's is full, the embeddings' the smallest. 1: all the same.",
  ),
  ema: option(
    z.coerce.number().min(0).max(0.99999),
    0,
    "Decay of an exponential moving average of the weights, which spans about the last 1 / (1 - decay) steps; .99 suits a few hundred. 0: none.",
  ),
  select: option(
    z.enum(selections),
    "last",
    "Weights to write: last (those after the last step), best (those of the epoch with the best validation RMSE, which is then a little too good to be true) or average (the moving average, with --ema).",
  ),
  teacher: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    "Distillation: a checkpoint or model repository that scores the passages trained on, or a csv with the columns id (or excerpt) and score, such as predictions.csv of --folds. Its scores are mixed with the grades.",
  ),
  teacherWeight: option(
    z.coerce.number().min(0).max(1),
    0.5,
    "Share w of the teacher: (1 - w) grade + w score is the target, which has the gradient of (1 - w) grade's squared error + w score's; losses of training are against it.",
  ),
  windows: option(
    kinds.count,
    0,
    "Windows to draw from each passage trained on: runs of its sentences that have the score of --teacher, a checkpoint or model repository, for target.",
  ),
  average: option(
    kinds.list,
    [],
    "Trains nothing: writes the average of the weights of these checkpoints of one base (folders, one after the other or separated by commas; runs, or folds) to --out, and measures it on the passages of --data that none of them has seen.",
  ),
  seed: option(kinds.count, 0, "Decides the split, the order of the passages, dropout, windows and the weights of a new head."),
  splitSeed: option<number | undefined>(
    kinds.count.optional(),
    undefined,
    "Decides the split and the folds in place of --seed, so that runs of several seeds are measured on the same passages, and so is their average.",
  ),
  maxSteps: option(
    kinds.count,
    0,
    "Stops after so many steps, evaluates and writes the checkpoint; the schedule stays as it was. 0: no limit.",
  ),
  workers: option(kinds.count, 0, "Replicas that share each batch. 0: one a core."),
  microBatch: option(
    kinds.positive,
    4,
    "Passages that a worker runs at once; the gradients of a batch add up. Fewer take less memory, and less padding as they are grouped by length.",
  ),
  checkpointEvery: option(kinds.positive, 100, "Steps between two saved states from which --resume goes on."),
  resume: option(kinds.flag, false, "Goes on from the state saved in --out, where there is one."),
};

/** The settings of a run: the options, with the recipe's where none was given. */
export type Settings = Values<typeof options> & Recipe;

/** Worker threads that a run uses. */
export const countWorkers = ({ workers }: Pick<Settings, "workers">): number => workers || countCores();

export function fillSettings(values: Values<typeof options>): Settings {
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  return { ...recipes[values.recipe], ...given } as Settings;
}
