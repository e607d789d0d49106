import pMap from "p-map";
import { countCores } from "../system/cores.js";
import { showProgress } from "./progress.js";

/**
 * The results of `work` for all items, in order, with progress on standard error. Enough items run at once to keep every core busy.
 * @param unit plural name of the items
 */
export async function mapWithProgress<T, R>(label: string, unit: string, items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const progress = showProgress(label, items.length, unit);
  let done = 0;
  const count = async (item: T) => {
    const result = await work(item);
    progress.update(++done);
    return result;
  };
  const results = await pMap(items, count, { concurrency: 2 * countCores() });
  progress.stop();
  return results;
}
