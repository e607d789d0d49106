import { combineScores, splitWindows, type TextScore } from "../text/windows.js";
import type { Model } from "./model.js";
import type { Limits, Scheduler } from "./scheduler.js";

/** Windows of one text in the queue or in lanes at the same time: enough for every core, few enough to let other texts in. */
export const windowsAtOnce = 4;

/** The score of a text of any length. @throws short-window, and what the scheduler throws */
export async function scoreText(
  scheduler: Pick<Scheduler, "run">,
  { engine, tokenizer, maxLength }: Omit<Model, "name">,
  text: string,
  limits?: Limits,
): Promise<TextScore> {
  const windows = splitWindows(tokenizer, text, maxLength);
  const { logits } = await scheduler.run(engine, windows.ids, { ...limits, atOnce: windowsAtOnce });
  return combineScores(windows, logits);
}
