import type { Choices } from "../../lib/training-record.js";
import type { EpochResult } from "./metrics.js";

/** Weights that a checkpoint may hold: those after the last step, or after the epoch with the best validation RMSE. */
export const selections = ["last", "best"] as const;
export type Selection = (typeof selections)[number];

/** The epoch with the best validation RMSE, the first of equals. */
export function bestOf(epochs: readonly EpochResult[]): EpochResult {
  return epochs.reduce((best, epoch) => (epoch.rmse < best.rmse ? epoch : best));
}

/** What each choice of weights gives on the held-out rows, side by side. */
export function compareChoices(selected: Selection, epochs: readonly EpochResult[]): Choices {
  const best = bestOf(epochs);
  return { selected, last: epochs.at(-1)!.rmse, best: best.rmse, best_epoch: best.epoch };
}

/** `last 0.5233, best 0.5102 (epoch 3)` */
export function describeChoices({ last, best, best_epoch }: Choices): string {
  return `last ${last.toFixed(4)}, best ${best.toFixed(4)} (epoch ${best_epoch})`;
}
