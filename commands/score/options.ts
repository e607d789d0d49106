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
    "Format of the input. txt: one text; jsonl: one JSON object per line, blank lines ignored; csv: a CSV with a header. Default: the file name's extension, where tsv, zip and gz are csv; txt for standard input.",
  ),
  column: option(kinds.text.optional(), undefined, "Column (csv) or field (jsonl) of the texts. Default: excerpt, else text."),
  file: option(kinds.text.optional(), undefined, "File to read from a zip. Default: its only CSV, else train.csv."),
};
