import { existsSync } from "node:fs";
import { join } from "node:path";
import { failure } from "../errors/errors.js";
import { type Metadata, type ModelVersion, versionFiles } from "../repository/repository.js";
import { countCores } from "../system/cores.js";
import { loadTokenizer } from "../text/tokenizer.js";
import { readFirstWindow } from "../text/windows.js";
import { createLocalEngine, type LocalEngine, type LocalEngineOptions } from "./local-engine.js";
import { createScheduler } from "./scheduler.js";

export interface VersionOptions extends Pick<LocalEngineOptions, "log"> {
  /** Worker threads; 0 or absent: as measured, or one per core on a machine with another number of cores. */
  readonly workers?: number;
}

/**
 * Opens a version of a repository. First scores its reference texts, because this processor may round or overflow differently from the
 * one that optimization ran on. If the scores are wrong, logs a warning and opens the version's float32 graph instead.
 * @throws no-file; bad-graph; wrong-scores if those of the float32 graph are wrong too
 */
export async function openVersion(version: ModelVersion, options: VersionOptions = {}): Promise<LocalEngine> {
  const { model, folder, metadata } = version;
  const { tolerance } = metadata.reference;
  const layout = chooseLayout(metadata, options.workers || undefined, countCores());
  const graph = join(folder, versionFiles.graph);
  const fallback = join(folder, versionFiles.fallback);

  const served = await openChecked(graph);
  if (served.engine) return served.engine;
  if (!existsSync(fallback)) throw failure("wrong-scores", { file: graph, difference: served.difference, tolerance });
  options.log?.warn(
    { model, version: version.version, difference: served.difference, tolerance },
    `${graph} scores its reference texts incorrectly on this processor; falling back to ${versionFiles.fallback}, which is slower`,
  );
  const slower = await openChecked(fallback);
  if (slower.engine) return slower.engine;
  throw failure("wrong-scores", { file: fallback, difference: slower.difference, tolerance });

  /** Opens a graph of this version. Returns no engine if its scores are wrong. */
  async function openChecked(graph: string): Promise<{ readonly difference: number; readonly engine?: LocalEngine }> {
    const engine = await createLocalEngine({ ...options, ...layout, graph });
    try {
      const difference = await measureDifference(engine, version);
      if (difference <= tolerance) return { difference, engine };
      await engine.close();
      return { difference };
    } catch (error) {
      await engine.close();
      throw error;
    }
  }
}

/**
 * The number of workers and of threads in each: the fastest measured layout if this machine has as many cores, else one worker per core,
 * which is best on most machines.
 */
export function chooseLayout(measured: Pick<Metadata, "sessions" | "threads">, workers: number | undefined, cores: number) {
  if (workers !== undefined) return { workers, threads: 1 };
  return measured.sessions * measured.threads === cores
    ? { workers: measured.sessions, threads: measured.threads }
    : { workers: cores, threads: 1 };
}

/** The largest distance from a reference score; NaN if a score is not a number. */
async function measureDifference(engine: LocalEngine, { folder, metadata }: ModelVersion): Promise<number> {
  const tokenizer = loadTokenizer(folder);
  const scheduler = createScheduler();
  let largest = 0;
  for (const { text, score } of metadata.reference.texts) {
    const found = await scheduler.score(engine, readFirstWindow(tokenizer, text, metadata.max_length));
    largest = Math.max(largest, Math.abs(found - score));
  }
  return largest;
}
