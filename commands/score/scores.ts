import { failure, reason } from "../../lib/errors/errors.js";
import { formatFloat32 } from "../../lib/math/float32.js";
import type { Model } from "../../lib/serving/model.js";
import { createScheduler, type Scheduler } from "../../lib/serving/scheduler.js";
import { scoreText } from "../../lib/serving/score-text.js";
import { isBlank } from "../../lib/text/blank.js";
import type { InputRecord } from "./records.js";

/** Texts in work at once: enough to keep every worker busy, few enough to hold in memory. */
const width = 64;

export interface Tally {
  readonly scored: number;
  readonly refused: number;
}

/**
 * Scores the records side by side and writes a line for each, in their order, as soon as it and those before are done.
 * What was read before an error of the input is still written.
 * @param onWritten called after each line
 * @throws what reading and writing throw
 */
export async function writeScores(
  records: AsyncIterable<InputRecord>,
  model: Omit<Model, "name">,
  write: (line: string) => Promise<void>,
  onWritten: (record: InputRecord, tally: Tally) => void = () => {},
): Promise<Tally> {
  const tally = { scored: 0, refused: 0 };
  const scheduler = createScheduler();
  const inWork: Promise<void>[] = [];
  let last = Promise.resolve();
  try {
    for await (const record of records) {
      const result = scoreRecord(record, scheduler, model);
      const previous = last;
      last = (async () => {
        await previous;
        const { line, ok } = await result;
        await write(line);
        tally[ok ? "scored" : "refused"]++;
        onWritten(record, tally);
      })();
      last.catch(() => {}); // told below, even if the next record is long in coming
      inWork.push(last);
      if (inWork.length >= width) await inWork.shift();
    }
  } finally {
    await last;
  }
  return tally;
}

/** The line of a record. Never rejects. */
async function scoreRecord({ id, text, problem }: InputRecord, scheduler: Scheduler, model: Omit<Model, "name">) {
  const named = id === undefined ? "" : `"id":${JSON.stringify(id)},`;
  try {
    if (text === undefined) throw new Error(problem);
    if (isBlank(text)) throw failure("empty-text", {});
    const { score } = await scoreText(scheduler, model, text);
    if (!Number.isFinite(score)) throw failure("bad-score", { score });
    return { ok: true, line: `{${named}"score":${formatFloat32(score)}}\n` };
  } catch (error) {
    return { ok: false, line: `{${named}"error":${JSON.stringify(reason(error))}}\n` };
  }
}
