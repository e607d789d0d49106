import { z } from "zod";
import { kinds, option } from "../../lib/cli/options.js";

const optionalText = kinds.text.optional();
const address = z.url({ protocol: /^https?$/, error: "must be an address such as http://localhost:5000" });

export const options = {
  target: option(
    address,
    "http://localhost:5000",
    "Address of the api. A path and a query are kept; a user and a password are sent as basic authentication.",
  ),
  host: option<string | undefined>(address.optional(), undefined, "Locust's name of --target; if it is given, it is used.", "H"),
  users: option(kinds.positive, 200, "Concurrent users. Each sends its next request when the last one is answered.", "u"),
  spawnRate: option(kinds.number.positive(), 10, "Users started per second.", "r"),
  runTime: option(kinds.duration, 120, "Length of the test in seconds, or with units: 120s, 2m, 1h30m.", "t"),
  data: option<string | undefined>(
    optionalText,
    undefined,
    "Passages to send: a CSV, plain, gzipped or zipped. Default: data/input/train.csv.zip or data/input/train.csv if it exists, else the included sample.",
  ),
  column: option<string | undefined>(optionalText, undefined, "Column of the texts. Default: excerpt, else text."),
  file: option<string | undefined>(optionalText, undefined, "File to read from a zip. Default: its only CSV, else train.csv."),
  out: option<string | undefined>(optionalText, undefined, "JSON report to write."),
  csv: option<string | undefined>(
    optionalText,
    undefined,
    "Start of the names of Locust's CSV files: PREFIX_stats.csv, PREFIX_stats_history.csv, PREFIX_failures.csv and PREFIX_exceptions.csv.",
  ),
  html: option<string | undefined>(optionalText, undefined, "HTML report to write, in one file."),
  onlySummary: option(kinds.flag, false, "Print no progress, only the tables at the end."),
  headless: option(kinds.flag, false, "For command lines of Locust: there is no web interface, with or without it."),
  seed: option(kinds.count, 0, "Seed of the random choice of passages."),
  timeout: option(kinds.duration, 60, "Longest wait for an answer in seconds, or with a unit. A later answer is a failure."),
  wait: option(kinds.duration, 30, "Longest wait for the api to start in seconds, or with a unit."),
};
