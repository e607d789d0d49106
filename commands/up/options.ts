import { z } from "zod";
import { kinds, option, type Values } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import type { Passed } from "./arguments.js";

const optionalText = kinds.text.optional();

/** The options of train and optimization go to those services: see `splitArguments`. */
export const options = {
  data: option<string | undefined>(
    optionalText,
    undefined,
    "Labelled passages to train on: a CSV, plain, gzipped or zipped. Default: data/input/train.csv.zip or data/input/train.csv if it exists, else no training. Further options are those of train, such as --epochs 2, and of optimization, such as --precision fp32; write --optimization-target gpu for the one that both have.",
  ),
  model: option<string | undefined>(optionalText, undefined, "Checkpoint to use instead of training one."),
  artifacts: option(kinds.text, places.artifacts, "Folder for the results: model/ and repository/."),
  port: option(kinds.port, 5000, "Port of the api."),
  inferencePort: option(kinds.port, 8000, "Port of the inference server."),
  metricsPort: option(kinds.port, 8002, "Port of the inference server's metrics."),
  loadUsers: option(kinds.count, 20, "Concurrent users of the load test. 0: no load test."),
  loadTime: option(kinds.duration, 10, "Length of the load test in seconds, or with a unit: 10s, 2m. 0: no load test."),
  startTimeout: option(kinds.duration, 120, "Longest wait for a server to become ready in seconds, or with a unit."),
  stopTimeout: option(kinds.duration, 30, "Time for a service to stop before it is killed, in seconds, or with a unit."),
  only: option<"train" | "optimization" | undefined>(
    z.enum(["train", "optimization"]).optional(),
    undefined,
    "Build only this, unless it is up to date, and exit: train or optimization.",
  ),
};

export type Settings = Values<typeof options> & Passed;
