import { combineScores, type TextScore } from "../text/windows.js";
import type { Model } from "./model.js";
import type { ReadWindows } from "./reading.js";
import type { Limits, Scheduler } from "./scheduler.js";
import { readText } from "./text-reader.js";

/** Windows of one request in the queue or in lanes at the same time: enough for every core, few enough to let other texts in. */
export const windowsAtOnce = 4;

/** The score of a text of any length. @throws what `readText` and the scheduler throw */
export async function scoreText(
  scheduler: Pick<Scheduler, "run">,
  model: Omit<Model, "name">,
  original: string,
  limits?: Limits,
): Promise<TextScore> {
  const { windows } = await readText(model, original, {}, limits?.signal);
  return scoreWindows(scheduler, model, windows, limits);
}

/** The score of a text that was read. @throws what the scheduler throws */
export async function scoreWindows(
  scheduler: Pick<Scheduler, "run">,
  { engine }: Pick<Model, "engine">,
  windows: ReadWindows,
  limits?: Limits,
): Promise<TextScore> {
  const { logits } = await scheduler.run(engine, windows.ids, { ...limits, atOnce: windowsAtOnce });
  return combineScores(windows, logits);
}
