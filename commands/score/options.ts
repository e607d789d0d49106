import { z } from "zod";
import { kinds, option } from "../../lib/cli/options.js";
import { inputFormats } from "./records.js";

export const outputFormats = ["json", "table"] as const;

export const options = {
  model: option(
    kinds.text.optional(),
    undefined,
    "Model repository or checkpoint. Default: artifacts/repository, else artifacts/model, else the released model.",
  ),
  format: option(
    z.enum([...outputFormats, ...inputFormats]).optional(),
    undefined,
    "Format of the output. json: all fields of POST /v1/score, one JSON object per line; table: for people. Default: table on a terminal, else JSON of the score and its warnings alone. A format of --input is taken as one.",
  ),
  input: option(
    z.enum(inputFormats).optional(),
    undefined,
    "Format of the input. txt, md, html, docx: one text; jsonl: one JSON object per line; csv: a CSV with a header. Default: by the file name's extension; txt for standard input.",
  ),
  column: option(kinds.text.optional(), undefined, "Column (csv) or field (jsonl) of the texts. Default: excerpt, else text."),
  file: option(kinds.text.optional(), undefined, "File to read from a zip. Default: its only CSV, else train.csv."),
  formulas: option(kinds.flag, false, "Add seven readability formulas."),
  sentences: option(kinds.flag, false, "Add the effect of each sentence. The model runs once more for each."),
  minScore: option(kinds.number.optional(), undefined, "Exit with 1 if a text has a lower score."),
  maxGrade: option(
    kinds.number.optional(),
    undefined,
    "Exit with 1 if a text has a higher school grade, which is the middle of its range, or none.",
  ),
};
