import { measurePeak } from "../../lib/bert/ranges.js";
import type { Log } from "../../lib/cli/log.js";
import { fail } from "../../lib/errors/errors.js";
import { isSaturating } from "../../lib/onnx/saturation.js";
import { countCores } from "../../lib/system/cores.js";
import { type Graphs, scoreTexts } from "./candidates.js";
import type { Model } from "./checkpoint.js";
import { pickTypical } from "./rows.js";
import type { Instruments } from "./search.js";
import { measureRate } from "./speed.js";

type Texts = readonly (readonly number[])[];

export interface Bench {
  readonly model: Model;
  readonly graphs: Graphs;
  /** Token ids: of the gate's rows, of the texts by which a server finds out whether it scores right, of those that ranges are measured by. */
  readonly texts: { readonly rows: Texts; readonly references: Texts; readonly ranges: Texts };
  /** Length of a measurement of speed. */
  readonly seconds: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Instruments that measure on this machine. `score` throws no-scores where float32 gives what is no number. */
export function createInstruments({ model, graphs, texts, seconds, log, signal }: Bench): Instruments {
  const typical = pickTypical(texts.rows);
  return {
    async score(precision) {
      const scores = await scoreTexts(await graphs(precision), [...texts.rows, ...texts.references], precision, signal);
      return precision === "fp32" && !scores.every(Number.isFinite) ? fail("no-scores", { folder: model.folder }) : scores;
    },
    async rate({ precision, layout }) {
      const rate = await measureRate(await graphs(precision), layout, { texts: typical, seconds, signal });
      log.info(`${precision}, sessions x threads ${layout.sessions} x ${layout.threads}: ${rate.toFixed(1)} texts/s`);
      return rate;
    },
    saturating: isSaturating,
    peak: () => measurePeak(model.checkpoint, texts.ranges, countCores()),
  };
}
