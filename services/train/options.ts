import { z } from "zod";
import { heads } from "../../lib/bert/config.js";
import { kinds, type Option, option, type Values } from "../../lib/cli/options.js";
import { findData, places } from "../../lib/cli/paths.js";
import { countCores } from "../../lib/system/cores.js";
import { type Recipe, recipes } from "./recipes.js";
import { selections } from "./select.js";

const probability = kinds.number.min(0).max(1);
/** "0,2,4" */
const indices = z
  .string()
  .regex(/^\d+(,\d+)*$/, "must be whole numbers separated by commas")
  .transform((text) => text.split(",").map(Number)) as unknown as z.ZodType<readonly number[]>;
const share = kinds.number.min(0).max(0.9);

/** An option whose default depends on the recipe. */
function fromRecipe<T>(schema: z.ZodType<T>, name: keyof Recipe, help: string): Option<T | undefined> {
  const defaults = Object.entries(recipes).map(([recipe, values]) => `${values[name]} (${recipe})`);
  return option(schema.optional(), undefined, `${help} Default by recipe: ${defaults.join(", ")}.`);
}

export const options = {
  data: option(
    kinds.text,
    places.data,
    "Labelled passages: a CSV, plain, gzipped or zipped. If the default does not exist, data/input/train.csv is read.",
  ),
  column: option<string | undefined>(kinds.text.optional(), undefined, "Column of the texts. Default: excerpt."),
  target: option<string | undefined>(kinds.text.optional(), undefined, "Column of the labels, which are numbers. Default: target."),
  file: option<string | undefined>(kinds.text.optional(), undefined, "File to read from a zip. Default: its only CSV, else train.csv."),
  out: option(kinds.text, places.model, "Folder for the checkpoint, its report and metrics.jsonl."),
  recipe: option(
    z.enum(["default", "original"]),
    "default",
    "Set of defaults. default: trains in minutes on a CPU; original: the settings of the original Python stack.",
  ),
  base: fromRecipe(kinds.text, "base", "Pretrained checkpoint: a folder in Hugging Face format, or a name on its hub."),
  initLayers: option<readonly number[] | undefined>(
    indices.optional(),
    undefined,
    "Encoder layers of the base to start from, counted from 0 and separated by commas, such as 0,2,4. The model has as many layers. Default: all.",
  ),
  reinit: option(kinds.count, 0, "Top layers of the base to replace by new ones, drawn from --seed."),
  head: fromRecipe(
    z.enum(heads),
    "head",
    "Regression head. cls: that of transformers, on the first token; mean: on the mean of all tokens, which only this program reads.",
  ),
  epochs: fromRecipe(kinds.positive, "epochs", "Passes over the training passages."),
  batch: fromRecipe(kinds.positive, "batch", "Passages per step."),
  lr: fromRecipe(kinds.number.positive(), "lr", "Peak learning rate. 5e-5 suits models of width 768."),
  maxLength: fromRecipe(kinds.positive, "maxLength", "Tokens read of each passage, including special tokens."),
  loss: fromRecipe(z.enum(["mse", "rmse"]), "loss", "Loss to minimize: mean squared error (mse) or its root (rmse)."),
  warmup: fromRecipe(share, "warmup", "Fraction of the steps in which the learning rate rises. After that it falls linearly to 0."),
  weightDecay: fromRecipe(kinds.number.min(0), "weightDecay", "Weight decay of AdamW. Biases and LayerNorms have none."),
  beta1: fromRecipe(share.max(0.9999), "beta1", "Decay of AdamW's first moments."),
  beta2: fromRecipe(kinds.number.min(0).max(0.99999), "beta2", "Decay of AdamW's second moments."),
  epsilon: fromRecipe(kinds.number.positive(), "epsilon", "AdamW's epsilon, which prevents division by zero."),
  clip: fromRecipe(kinds.number.positive(), "clip", "Largest gradient norm. A larger gradient is scaled down to it."),
  dropout: fromRecipe(share, "dropout", "Dropout probability during training."),
  crop: fromRecipe(
    probability,
    "crop",
    "Probability that, for an epoch, a run of its sentences takes a training passage's place, with the passage's target. Short texts are then scored like long ones.",
  ),
  join: fromRecipe(
    probability,
    "join",
    "Probability that, for an epoch, other passages follow a training passage, up to --max-length at most, with the mean of their targets. Long texts are then scored like their parts.",
  ),
  validation: option(kinds.number.positive().max(0.5), 0.1, "Fraction of the passages held out for validation. Unused with --folds."),
  folds: option(
    kinds.count.refine((folds) => folds !== 1, "must be 0 or at least 2"),
    0,
    "Number of folds for cross-validation: one model per fold, measured on the passages it has not seen. Writes checkpoints to OUT/fold-1 and so on, the scores of all passages to OUT/predictions.csv and a summary to OUT/folds.json. 0: a single model.",
  ),
  weighting: option(
    z.enum(["none", "inverse-variance"]),
    "none",
    "Weights of the passages in the training loss. none: all equal; inverse-variance: 1 / (standard_error^2 + median^2), scaled to a mean of 1, where a missing or zero standard_error counts as the median. Training losses are then weighted, validation losses are not.",
  ),
  layerDecay: option(
    kinds.number.positive().max(1),
    1,
    "Layer-wise decay of the learning rate: each layer's rate is that of the layer above times this factor; the head has the full rate. 1: no decay.",
  ),
  ema: option(
    kinds.number.min(0).max(0.99999),
    0,
    "Decay of an exponential moving average of the weights, which spans about 1 / (1 - decay) steps; .99 suits a few hundred steps. 0: no average.",
  ),
  select: option(
    z.enum(selections),
    "last",
    "Weights to write. last: after the last step; best: after the epoch with the lowest validation RMSE, which makes that RMSE optimistic; average: the moving average of --ema.",
  ),
  teacher: option(
    kinds.list,
    [],
    "Teacher for distillation: a checkpoint or model repository, or a CSV with the columns id (or excerpt) and score, such as predictions.csv of --folds. Its scores of the training passages are mixed into their targets. If there are several, the mean of their scores.",
  ),
  teacherWeight: option(
    probability,
    0.5,
    "Weight w of the teacher's scores: the training target is (1 - w) target + w score, and training losses are measured against it.",
  ),
  windows: option(
    kinds.count,
    0,
    "Windows to draw from each training passage: runs of its sentences whose target is the score of --teacher, which must be a checkpoint or model repository.",
  ),
  unlabelled: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    'Further passages to train on, without labels: JSON lines, plain or gzipped, with a field "text". Their target is the score of --teacher, which is cached in --out.',
  ),
  maxSpread: option<number | undefined>(
    kinds.number.positive().optional(),
    undefined,
    "Largest standard deviation of the scores of several teachers. Windows and unlabelled passages above it are left out, and labelled passages keep their label alone. Default: no limit.",
  ),
  average: option(
    kinds.list,
    [],
    "Train nothing; write the average of the weights of these checkpoints (two or more folders, trained from the same base) to --out, and measure it on the passages of --data that none of them has seen.",
  ),
  seed: option(
    kinds.count,
    0,
    "Seed of the split, the order of passages, dropout, windows, crops, joins, new layers and the weights of a new head.",
  ),
  splitSeed: option<number | undefined>(
    kinds.count.optional(),
    undefined,
    "Seed of the split and the folds. Set it to measure runs with different seeds, and their average, on the same passages. Default: --seed.",
  ),
  maxSteps: option(
    kinds.count,
    0,
    "Stop after this many steps, evaluate and write the checkpoint. The learning rate schedule does not change. 0: no limit.",
  ),
  workers: option(kinds.count, 0, "Worker threads that share each batch. 0: one per core."),
  microBatch: option(
    kinds.positive,
    4,
    "Passages that a worker runs at once; gradients are summed over the batch. A smaller number takes less memory and less padding.",
  ),
  checkpointEvery: option(kinds.positive, 100, "Steps between saved states, from which --resume continues."),
  resume: option(kinds.flag, false, "Continue from the state saved in --out, if there is one."),
  resumeAnyway: option(
    kinds.flag,
    false,
    "Continue as --resume does, also on another processor, with another number of workers, another --micro-batch or another version of this program. The result is then not bit for bit that of an uninterrupted run.",
  ),
};

/** The options of a run, with the recipe's values for those that were not given. */
export type Settings = Values<typeof options> & Recipe;

/** Worker threads that a run uses. */
export const countWorkers = ({ workers }: Pick<Settings, "workers">): number => workers || countCores();

export function fillSettings(values: Values<typeof options>): Settings {
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const data = values.data === places.data ? (findData() ?? places.data) : values.data;
  return { ...recipes[values.recipe], ...given, data, resume: values.resume || values.resumeAnyway } as Settings;
}
