import { z } from "zod";
import { kinds, option } from "../../lib/cli/options.js";

const optionalText = kinds.text.optional();

export const options = {
  target: option(z.url({ protocol: /^https?$/ }), "http://localhost:5000", "Address of the api."),
  users: option(kinds.positive, 200, "Users at the same time, each sending its next request when the last is answered.", "u"),
  spawnRate: option(z.coerce.number().positive(), 10, "Users started a second.", "r"),
  runTime: option(kinds.duration, 120, "Length of the test: 120, 120s, 2m."),
  data: option<string | undefined>(
    optionalText,
    undefined,
    "Passages to send: a csv, plain, gzipped or in a zip. Default: data/input/train.csv.zip, else data/input/train.csv, else the sample that ships.",
  ),
  column: option<string | undefined>(optionalText, undefined, "Column of the texts. Default: excerpt, else text."),
  file: option<string | undefined>(optionalText, undefined, "File to read in a zip. Default: its only csv, else its train.csv."),
  out: option<string | undefined>(optionalText, undefined, "JSON report to write."),
  seed: option(kinds.count, 0, "Seed of the draw of passages."),
  timeout: option(kinds.duration, 60, "Longest wait for an answer; what takes longer is a failure."),
  wait: option(kinds.duration, 30, "Longest wait for the api's /alive before the test."),
};
