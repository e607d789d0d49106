import { existsSync } from "node:fs";
import { join } from "node:path";
import { failure } from "../errors/errors.js";
import { type Metadata, type ModelVersion, versionFiles } from "../repository/repository.js";
import { countCores } from "../system/cores.js";
import { loadTokenizer } from "../text/tokenizer.js";
import { createEngine, type Engine, type EngineOptions } from "./engine.js";

export interface VersionOptions extends Pick<EngineOptions, "queueLimit" | "log"> {
  /** Sessions of one thread each; 0 or absent: as measured, or one a core on a machine with another number of cores. */
  readonly sessions?: number;
}

/**
 * The engine of a repository's version. It scores the version's reference texts first, as a processor may round or overflow where the
 * one that measured did not; where they are off, the float32 graph of the version serves instead, and the log says so.
 * @throws no-file; bad-graph; wrong-scores where the float32 graph is off too
 */
export async function openVersion(version: ModelVersion, options: VersionOptions = {}): Promise<Engine> {
  const { model, folder, metadata } = version;
  const { tolerance } = metadata.reference;
  const layout = chooseLayout(metadata, options.sessions || undefined, countCores());
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

  /** The engine of a graph of this version; none where it scores wrongly. */
  async function openChecked(graph: string): Promise<{ readonly difference: number; readonly engine?: Engine }> {
    const engine = await createEngine({ ...options, ...layout, graph });
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

/** Sessions and their threads: what was measured fastest holds on a machine with as many cores; one session a core is best on most others. */
export function chooseLayout(measured: Pick<Metadata, "sessions" | "threads">, sessions: number | undefined, cores: number) {
  if (sessions !== undefined) return { sessions, threads: 1 };
  return measured.sessions * measured.threads === cores
    ? { sessions: measured.sessions, threads: measured.threads }
    : { sessions: cores, threads: 1 };
}

/** The largest distance from a reference score; NaN where a score is none. */
async function measureDifference(engine: Engine, { folder, metadata }: ModelVersion): Promise<number> {
  const tokenizer = loadTokenizer(folder);
  let largest = 0;
  for (const { text, score } of metadata.reference.texts) {
    const found = await engine.score(tokenizer.encodeTruncated(text, metadata.max_length));
    largest = Math.max(largest, Math.abs(found - score));
  }
  return largest;
}
