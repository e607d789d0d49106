import { z } from "zod";
import { kinds, option } from "../../lib/cli/options.js";

export const options = {
  model: option(
    kinds.text.optional(),
    undefined,
    "Model repository or checkpoint. Default: artifacts/repository, else artifacts/model, else the released model.",
  ),
  format: option(
    z.enum(["txt", "jsonl", "csv"]).optional(),
    undefined,
    "txt: the input is one text. jsonl: an object a line. csv: with a header. Default: by the ending of the file name (.tsv, .zip and .gz are csv); txt for standard input.",
  ),
  column: option(kinds.text.optional(), undefined, "Column (csv) or field (jsonl) of the texts. Default: excerpt, else text."),
  file: option(kinds.text.optional(), undefined, "File to read in a zip. Default: its only csv, else its train.csv."),
};
