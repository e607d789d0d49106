import { showProgress } from "../../lib/cli/progress.js";
import { countCores } from "../../lib/system/cores.js";

/** Scores of many items, in their order: as many at a time as keep every core busy, with the progress shown. */
export async function scoreAll<T>(label: string, items: readonly T[], score: (item: T) => Promise<number>): Promise<number[]> {
  const scores = new Array<number>(items.length);
  const progress = showProgress(label, items.length, "texts");
  let [next, done] = [0, 0];
  const work = async () => {
    while (next < items.length) {
      const i = next++;
      scores[i] = await score(items[i]!);
      progress.update(++done);
    }
  };
  await Promise.all(Array.from({ length: 2 * countCores() }, work));
  progress.stop();
  return scores;
}
