import { z } from "zod";
import { kinds, option, type Values } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";

const optionalText = kinds.text.optional();

/** What is not among these goes to train as it is. */
export const options = {
  data: option<string | undefined>(
    optionalText,
    undefined,
    "Graded passages to train on: a csv, or a zip of one. Without it: data/input/train.csv.zip where that is, else nothing is trained. Every option that is not listed here goes to train: readability train --help.",
  ),
  model: option<string | undefined>(optionalText, undefined, "Checkpoint to go on with in place of training."),
  artifacts: option(kinds.text, places.artifacts, "Folder of what is built: model/ and repository/."),
  port: option(kinds.port, 5000, "Port of the api."),
  inferencePort: option(kinds.port, 8000, "Port of the inference server."),
  metricsPort: option(kinds.port, 8002, "Port of the inference server's metrics."),
  loadUsers: option(kinds.count, 20, "Users of the load test; 0 leaves it out."),
  loadTime: option(kinds.duration, 10, "Length of the load test, such as 10, 10s or 2m; 0 leaves it out."),
  startTimeout: option(kinds.duration, 120, "Longest wait for a server to be ready."),
  stopTimeout: option(kinds.duration, 30, "Longest wait for a service to end when asked to; then it is killed."),
  only: option<"train" | "optimization" | undefined>(
    z.enum(["train", "optimization"]).optional(),
    undefined,
    "Build this alone, unless it stands unchanged, and end: train or optimization.",
  ),
};

export type Settings = Values<typeof options> & {
  /** Arguments passed on to train unchanged. */
  readonly train: readonly string[];
};
