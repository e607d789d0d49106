import type { Log } from "../../lib/cli/log.js";
import type { Progress } from "../../lib/cli/progress.js";
import type { Split } from "../../lib/data/split.js";
import type { Prediction } from "../../lib/report/predictions.js";
import type { Scale } from "../../lib/repository/training-record.js";
import type { Example } from "../../lib/training/batch.js";
import type { Layout } from "../../lib/training/layout.js";
import type { Trainer } from "../../lib/training/trainer.js";
import type { Augment, TrainingExample } from "./augment.js";
import type { Data } from "./data.js";
import type { History, Metrics } from "./metrics.js";
import type { Settings } from "./options.js";
import type { Selection } from "./select.js";
import type { Identity, TrainingState } from "./state.js";

/** One model to train. */
export interface Job {
  readonly settings: Settings;
  readonly data: Data;
  readonly training: readonly TrainingExample[];
  /** The held-out passages. */
  readonly validation: readonly Example[];
  readonly split: Split;
  readonly identity: Identity;
  /** How far several teachers disagree: the mean standard deviation of their scores. */
  readonly teacherSpread: number | undefined;
  /** Folder of the checkpoint, the saved state and the metrics. */
  readonly out: string;
  readonly log: Log;
  /** Aborted when the user asks the run to stop after its current step. */
  readonly stop: AbortSignal;
}

/** A job that is ready for its next step. */
export interface Run extends Job {
  readonly trainer: Trainer;
  /** Of the training labels, if they are standardized. */
  readonly scale: Scale | undefined;
  /** Crops and joins the examples of a batch, if the settings ask for it. */
  readonly augment: Augment | undefined;
  /** The arrays that a saved state holds; those of the trainer are views of its memory. */
  readonly state: TrainingState;
  /** Steps that an earlier process took. */
  readonly stepsBefore: number;
  readonly metrics: Metrics;
  readonly progress: Progress;
  /** Validation scores of each choice of weights, as far as this process has computed them. */
  readonly scores: { [selection in Selection]?: Float32Array | undefined };
}

/** A trained model. */
export interface Trained extends History {
  /** The selected weights, as `layout` places them. Their scores are standardized if there is a scale. */
  readonly parameters: Float32Array;
  readonly layout: Layout;
  readonly scale: Scale | undefined;
  /** For the held-out passages. */
  readonly predictions: readonly Prediction[];
}
