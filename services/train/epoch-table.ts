import type { EpochResult } from "./metrics.js";

/** Head of the table that training prints, and its row of an epoch. */
export const tableHead = "| Epoch | Training Loss | Validation Loss | Rmse |\n|------:|--------------:|----------------:|-----:|\n";

export function formatEpoch({ epoch, training_loss, validation_loss, rmse }: EpochResult): string {
  return `| ${[epoch, ...[training_loss, validation_loss, rmse].map((value) => value.toFixed(4))].join(" | ")} |\n`;
}
