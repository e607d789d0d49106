import { failure, reason } from "../../lib/errors/errors.js";
import { formatFloat32 } from "../../lib/math/float32.js";
import type { Model } from "../../lib/serving/model.js";
import { createScheduler, type Scheduler } from "../../lib/serving/scheduler.js";
import { scoreWindows } from "../../lib/serving/score-text.js";
import { readText } from "../../lib/serving/text-reader.js";
import type { TextWarning, WarningCode } from "../../lib/text/warnings.js";
import type { InputRecord } from "./records.js";

/** Number of texts in progress: enough to keep every worker busy, few enough to hold in memory. */
const mostInFlight = 64;

export interface Tally {
  readonly scored: number;
  readonly refused: number;
  /** Of each warning: its message, and how many texts have it. */
  readonly warnings: ReadonlyMap<WarningCode, { readonly message: string; readonly texts: number }>;
}

/** A line of the output. */
interface Scored {
  readonly line: string;
  readonly ok: boolean;
  readonly warnings: readonly TextWarning[];
}

/**
 * Scores the records side by side. Writes a line for each, in their order, as soon as it and those before it are done.
 * If reading fails, what was read before is still written.
 * @param onWritten called after each line
 * @throws what reading and writing throw
 */
export async function writeScores(
  records: AsyncIterable<InputRecord>,
  model: Omit<Model, "name">,
  write: (line: string) => Promise<void>,
  onWritten: (tally: Tally) => void = () => {},
): Promise<Tally> {
  const tally = { scored: 0, refused: 0, warnings: new Map<WarningCode, { message: string; texts: number }>() };
  const scheduler = createScheduler();
  const inFlight: Promise<void>[] = [];
  let last = Promise.resolve();
  try {
    for await (const record of records) {
      const result = scoreRecord(record, scheduler, model);
      const previous = last;
      last = (async () => {
        await previous;
        const { line, ok, warnings } = await result;
        await write(line);
        tally[ok ? "scored" : "refused"]++;
        for (const { code, message } of warnings) tally.warnings.set(code, { message, texts: 1 + (tally.warnings.get(code)?.texts ?? 0) });
        onWritten(tally);
      })();
      last.catch(() => {}); // is thrown below, even if the next record is late
      inFlight.push(last);
      if (inFlight.length >= mostInFlight) await inFlight.shift();
    }
  } finally {
    await last;
  }
  return tally;
}

/** The line of a record. Never rejects. */
async function scoreRecord({ id, text, problem }: InputRecord, scheduler: Scheduler, model: Omit<Model, "name">): Promise<Scored> {
  const named = id === undefined ? "" : `"id":${JSON.stringify(id)},`;
  try {
    if (text === undefined) throw new Error(problem);
    const { windows, warnings } = await readText(model, text, { warnings: true });
    const { score } = await scoreWindows(scheduler, model, windows);
    if (!Number.isFinite(score)) throw failure("bad-score", { score });
    const warned = warnings.length > 0 ? `,"warnings":${JSON.stringify(warnings)}` : "";
    return { ok: true, line: `{${named}"score":${formatFloat32(score)}${warned}}\n`, warnings };
  } catch (error) {
    return { ok: false, line: `{${named}"error":${JSON.stringify(reason(error))}}\n`, warnings: [] };
  }
}
