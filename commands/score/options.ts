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
    "txt: all of it is one text; jsonl: an object a line, blank lines passed over; csv: with a header. Default: the file name's ending; txt for standard input.",
  ),
  column: option(kinds.text.optional(), undefined, "Column (csv) or field (jsonl) of the texts. Default: excerpt, else text."),
};
