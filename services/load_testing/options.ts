import { z } from "zod";
import { kinds, option } from "../../lib/cli/options.js";

const optionalText = kinds.text.optional();
const address = z.url({ protocol: /^https?$/, error: "must be an address such as http://localhost:5000" });

export const options = {
  target: option(address, "http://localhost:5000", "Address of the api."),
  users: option(kinds.positive, 200, "Concurrent users. Each sends its next request when the last one is answered.", "u"),
  spawnRate: option(kinds.number.positive(), 10, "Users started per second.", "r"),
  runTime: option(kinds.duration, 120, "Length of the test in seconds, or with a unit: 120s, 2m, 1h."),
  data: option<string | undefined>(
    optionalText,
    undefined,
    "Passages to send: a CSV, plain, gzipped or zipped. Default: data/input/train.csv.zip or data/input/train.csv if it exists, else the included sample.",
  ),
  column: option<string | undefined>(optionalText, undefined, "Column of the texts. Default: excerpt, else text."),
  file: option<string | undefined>(optionalText, undefined, "File to read from a zip. Default: its only CSV, else train.csv."),
  out: option<string | undefined>(optionalText, undefined, "JSON report to write."),
  seed: option(kinds.count, 0, "Seed of the random choice of passages."),
  timeout: option(kinds.duration, 60, "Longest wait for an answer in seconds, or with a unit. A later answer is a failure."),
  wait: option(kinds.duration, 30, "Longest wait for the api to start in seconds, or with a unit."),
};
