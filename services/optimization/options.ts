import { z } from "zod";
import { kinds, option } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import { targets, wishes } from "./precisions.js";

export const options = {
  model: option(kinds.text, places.model, "Checkpoint to serve: a folder in Hugging Face format."),
  data: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    "Labelled passages for the accuracy gate: a csv, plain, gzipped or in a zip, with the columns that training read. Default: data/input/train.csv.zip, else data/input/train.csv; without either, the gate compares with fp32 on the sample that ships.",
  ),
  out: option(kinds.text, places.repository, "Model repository to write a version to."),
  name: option(z.string().regex(/^[\w-]+$/, "expected letters, digits, - and _"), "readability", "Name of the model in the repository."),
  target: option(
    z.enum(targets),
    "cpu",
    "cpu: for this machine, by measurement. gpu: for Triton Inference Server on an NVIDIA GPU, with batches; its speed is not measured.",
  ),
  precision: option(
    z.enum(wishes),
    "auto",
    "auto: the fastest that passes the accuracy gate; for a GPU fp16, else fp32. Or that one: fp32, int8 (cpu) or fp16 (gpu).",
  ),
  gate: option(z.coerce.number().positive(), 0.005, "How much larger than fp32's the root mean squared error may be."),
  gateRows: option(kinds.positive, 1000, "Passages the gate scores at most, spread over the file."),
  rounds: option(kinds.positive, 3, "Times that each of the fastest is measured."),
  seconds: option(z.coerce.number().positive(), 1, "Length of a measurement."),
  cache: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    "File of what was measured: a second run from the same on the same machine measures nothing and makes the same version. Default: .optimization-cache.json in the repository.",
  ),
  fresh: option(kinds.flag, false, "Measure again, whatever the cache knows."),
  keep: option(kinds.positive, 2, "Versions to keep in the repository, the new one included."),
};
