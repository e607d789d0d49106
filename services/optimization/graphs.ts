import { setMaxListeners } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Checkpoint } from "../../lib/bert/checkpoint.js";
import { numbersOf, type Precision } from "../../lib/bert/precisions.js";
import type { Ranges } from "../../lib/bert/quantize.js";
import { measureRanges } from "../../lib/bert/ranges.js";
import { buildServingGraph } from "../../lib/bert/serving-graph.js";
import { showProgress } from "../../lib/cli/progress.js";
import { createLocalEngine } from "../../lib/serving/local-engine.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import { countCores } from "../../lib/system/cores.js";
import { combineScores, type Windows } from "../../lib/text/windows.js";

type Texts = readonly (readonly number[])[];

/** The path of the graph of a precision, which is built on the first call. */
export type Graphs = (precision: Precision) => Promise<string>;

/**
 * @param folder of the graphs
 * @param texts token ids, on which the ranges of quantized layers are measured
 */
export function createGraphs(checkpoint: Checkpoint, folder: string, texts: Texts): Graphs {
  let ranges: Promise<Ranges> | undefined;
  return async (precision) => {
    const graph = join(folder, `${precision}.onnx`);
    if (existsSync(graph)) return graph;
    const quantized = numbersOf(precision).largest !== undefined;
    if (quantized) ranges ??= measureRanges(checkpoint, texts, countCores());
    writeFileAtomic(graph, buildServingGraph(checkpoint, precision, quantized ? await ranges : undefined));
    return graph;
  };
}

/** Scores texts with a graph as serving does, on every core. @param name of the graph, for people */
export async function scoreTexts(graph: string, texts: readonly Windows[], name: string, signal: AbortSignal): Promise<readonly number[]> {
  const engine = await createLocalEngine({ graph, workers: countCores() });
  const scheduler = createScheduler();
  const progress = showProgress(`accuracy of ${name}`, texts.length, "texts");
  let done = 0;
  setMaxListeners(0, signal); // one for every text in the queue
  try {
    const scores = texts.map(async (text) => {
      const scores = await Promise.all(text.ids.map((ids) => scheduler.score(engine, ids, { signal })));
      progress.update(++done);
      return combineScores(text, scores).score;
    });
    return await Promise.all(scores);
  } finally {
    progress.stop();
    await engine.close();
  }
}
