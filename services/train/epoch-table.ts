import type { EpochResult } from "./metrics.js";

/** The head of the table that training prints; `formatEpoch` gives its rows. */
export const tableHead = "| Epoch | Training Loss | Validation Loss | Rmse |\n|------:|--------------:|----------------:|-----:|\n";

export function formatEpoch({ epoch, training_loss, validation_loss, rmse }: EpochResult): string {
  return `| ${[epoch, ...[training_loss, validation_loss, rmse].map((value) => value.toFixed(4))].join(" | ")} |\n`;
}
