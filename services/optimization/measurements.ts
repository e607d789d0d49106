import { measurePeak } from "../../lib/bert/ranges.js";
import type { Log } from "../../lib/cli/log.js";
import { fail } from "../../lib/errors/errors.js";
import { isSaturating } from "../../lib/onnx/saturation.js";
import { countCores } from "../../lib/system/cores.js";
import type { Windows } from "../../lib/text/windows.js";
import type { LoadedCheckpoint } from "./checkpoint.js";
import { type Graphs, scoreTexts } from "./graphs.js";
import { pickTypical } from "./rows.js";
import type { Measurements } from "./search.js";
import { measureThroughput } from "./speed.js";

type Texts = readonly (readonly number[])[];

interface MeasurementOptions {
  readonly model: LoadedCheckpoint;
  readonly graphs: Graphs;
  /** The gate's rows, excerpts of them, the reference texts, and token ids of the texts on which ranges are measured. */
  readonly texts: Readonly<Record<"rows" | "excerpts" | "references", readonly Windows[]>> & { readonly ranges: Texts };
  /** Length of a measurement of speed. */
  readonly seconds: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Measures on this machine. `score` throws no-scores if float32 gives a score that is not a finite number. */
export function createMeasurements({ model, graphs, texts, seconds, log, signal }: MeasurementOptions): Measurements {
  const typical = pickTypical(texts.rows.flatMap(({ ids }) => ids));
  return {
    async score(precision) {
      const scores = await scoreTexts(await graphs(precision), [...texts.rows, ...texts.references], precision, signal);
      if (precision === "fp32" && !scores.every(Number.isFinite)) fail("no-scores", { folder: model.folder });
      return { rows: scores.slice(0, texts.rows.length), references: scores.slice(texts.rows.length) };
    },
    async excerpts(precision) {
      return texts.excerpts.length === 0 ? [] : [...(await scoreTexts(await graphs(precision), texts.excerpts, precision, signal))];
    },
    async throughput({ precision, layout }) {
      const throughput = await measureThroughput(await graphs(precision), layout, { texts: typical, seconds, signal });
      log.info(`${precision}, sessions x threads ${layout.sessions} x ${layout.threads}: ${throughput.toFixed(1)} texts/s`);
      return throughput;
    },
    saturating: isSaturating,
    peak: () => measurePeak(model.checkpoint, texts.ranges, countCores()),
  };
}
