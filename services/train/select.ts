import type { Choices } from "../../lib/repository/training-record.js";
import type { EpochResult } from "./metrics.js";

/** The weights that a checkpoint can hold: after the last step, after the epoch with the best validation RMSE, or the moving average. */
export const selections = ["last", "best", "average"] as const;
export type Selection = (typeof selections)[number];

/** The epoch with the best validation RMSE; the first one of a tie. */
export function bestOf(epochs: readonly EpochResult[]): EpochResult {
  return epochs.reduce((best, epoch) => (epoch.rmse < best.rmse ? epoch : best));
}

/** Validation RMSE of each choice of weights. */
export function compareChoices(selected: Selection, epochs: readonly EpochResult[]): Choices {
  const best = bestOf(epochs);
  const { rmse: last, average_rmse: average } = epochs.at(-1)!;
  return { selected, last, best: best.rmse, best_epoch: best.epoch, ...(average === undefined ? {} : { average }) };
}

/** `last 0.5233, best 0.5102 (epoch 3), average 0.5140` */
export function describeChoices({ last, best, best_epoch, average }: Choices): string {
  const averaged = average === undefined ? "" : `, average ${average.toFixed(4)}`;
  return `last ${last.toFixed(4)}, best ${best.toFixed(4)} (epoch ${best_epoch})${averaged}`;
}
