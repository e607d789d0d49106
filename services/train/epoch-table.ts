import { markdownHead, markdownRow } from "../../lib/report/markdown.js";
import type { EpochResult } from "./metrics.js";

/** The head of the table that training prints; `formatEpoch` gives its rows. */
export const tableHead = markdownHead(["Epoch", "Training Loss", "Validation Loss", "Rmse"]);

export const formatEpoch = ({ epoch, training_loss, validation_loss, rmse }: EpochResult): string =>
  markdownRow([epoch, ...[training_loss, validation_loss, rmse].map((value) => value.toFixed(4))]);
