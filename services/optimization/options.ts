import { z } from "zod";
import { kinds, option } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import { precisionChoices, targets } from "./candidates.js";

export const options = {
  model: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    "Checkpoint to serve: a folder in Hugging Face format. Default: artifacts/model if it exists, else the released model.",
  ),
  data: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    "Labelled passages for the accuracy gate: a CSV, plain, gzipped or zipped. Default: data/input/train.csv.zip or data/input/train.csv if it exists, else the gate compares with fp32 on the included sample.",
  ),
  column: option<string | undefined>(kinds.text.optional(), undefined, "Column of the texts. Default: as in training, else excerpt."),
  labelColumn: option<string | undefined>(kinds.text.optional(), undefined, "Column of the labels. Default: as in training, else target."),
  file: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    "File to read from a zip. Default: as in training, else its only CSV, else train.csv.",
  ),
  out: option(kinds.text, places.repository, "Model repository that gets the new version."),
  name: option(
    z.string().regex(/^[\w-]+$/, "must consist of letters, digits, - and _"),
    "readability",
    "Name of the model in the repository.",
  ),
  target: option(
    z.enum(targets),
    "cpu",
    "Hardware to optimize for. cpu: this machine, by measurement; gpu: Triton Inference Server on an NVIDIA GPU, with batches, not measured.",
  ),
  precision: option(
    z.enum(precisionChoices),
    "auto",
    "Precision of the graph: fp32, int8 (cpu only) or fp16 (gpu only). auto: on cpu the fastest that passes the accuracy gate, on gpu fp16 if it passes, else fp32.",
  ),
  gate: option(
    kinds.number.positive(),
    0.005,
    "Largest increase of the RMSE over that of fp32, on the scale of the CommonLit labels. For labels that training standardized, it is multiplied by their standard deviation.",
  ),
  gateRows: option(kinds.positive, 1000, "Largest number of passages that the accuracy gate scores, spread over the file."),
  rounds: option(kinds.positive, 3, "Number of speed measurements of each of the fastest candidates."),
  seconds: option(kinds.number.positive(), 1, "Length of a speed measurement, in seconds."),
  cache: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    "File of cached measurements. A second run with the same inputs on the same machine measures nothing and writes the same version. Default: .optimization-cache.json in the repository.",
  ),
  fresh: option(kinds.flag, false, "Ignore the cache and measure again."),
  keep: option(kinds.positive, 2, "Versions to keep in the repository, including the new one."),
};
