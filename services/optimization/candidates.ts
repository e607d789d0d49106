import { setMaxListeners } from "node:events";
import { join } from "node:path";
import type { Checkpoint } from "../../lib/bert/checkpoint.js";
import type { Precision } from "../../lib/bert/precisions.js";
import type { Ranges } from "../../lib/bert/ranges.js";
import { buildServingGraph } from "../../lib/bert/serving-graph.js";
import { createEngine } from "../../lib/engine/engine.js";
import { writeFileAtomic } from "../../lib/files.js";
import { showProgress } from "../../lib/progress.js";

/** A graph of the checkpoint, and its scores of the texts it was tried on. */
export interface Candidate {
  readonly precision: Precision;
  /** Path of the .onnx file. */
  readonly graph: string;
  readonly scores: readonly number[];
}

export interface Trying {
  readonly checkpoint: Checkpoint;
  /** None where nothing is quantized. */
  readonly ranges: Ranges | undefined;
  /** Folder for the graphs. */
  readonly folder: string;
  readonly sessions: number;
  readonly signal: AbortSignal;
}

/** Writes the graph of a precision and scores texts with it. */
export async function tryPrecision(
  precision: Precision,
  texts: readonly (readonly number[])[],
  { checkpoint, ranges, folder, sessions, signal }: Trying,
): Promise<Candidate> {
  const graph = join(folder, `${precision}.onnx`);
  writeFileAtomic(graph, buildServingGraph(checkpoint, precision, ranges));
  const engine = await createEngine({ graph, sessions, queueLimit: texts.length });
  const progress = showProgress(`accuracy of ${precision}`, texts.length, "texts");
  let done = 0;
  setMaxListeners(0, signal); // every text that waits listens
  try {
    const scores = texts.map(async (ids) => {
      const score = await engine.score(ids, { signal });
      progress.update(++done);
      return score;
    });
    return { precision, graph, scores: await Promise.all(scores) };
  } finally {
    progress.stop();
    await engine.close();
  }
}
