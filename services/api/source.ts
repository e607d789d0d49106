import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../lib/cli/log.js";
import { fail, ReadabilityError } from "../../lib/errors/errors.js";
import { listModels, type ModelVersion, readNewestVersion } from "../../lib/repository/repository.js";
import { checkVersion } from "../../lib/serving/check-version.js";
import { describeVersion, type Model, openModelVersion } from "../../lib/serving/model.js";
import { connectEngine, type RemoteEngine } from "../../lib/serving/remote-engine.js";
import { startTextReader } from "../../lib/serving/text-reader.js";
import { type Follower, type FollowOptions, followNewest } from "../../lib/serving/version-follower.js";

/** Where the api's model comes from, whose versions come and go. */
export interface ModelSource {
  readonly current: Model;
  /** Does work with the current model, and again with its successor if its version is no longer served. */
  use<R>(work: (model: Model) => Promise<R>): Promise<R>;
  /** @throws other-model if the server's model does not take what is sent */
  ready(): Promise<boolean>;
  /** Whether the server answers at all; its model may still be loading. */
  live(): Promise<boolean>;
  /** Moves to another version if there is a better one. */
  poll(): Promise<void>;
  close(): Promise<void>;
}

interface SourceOptions {
  readonly repository: string;
  /** Milliseconds a request to the inference server may take that has no deadline. */
  readonly timeout: number;
  readonly log: Log;
  /** Ends the checks of versions. */
  readonly signal?: AbortSignal | undefined;
}

/** How often work is done again for a version that is gone without a successor yet, and the milliseconds before, which double. */
const retries = 4;
const firstPause = 50;

/**
 * The newest version of the repository that loads, in this process.
 * @throws no-file; what loading throws if no version loads
 */
export async function openSource({ repository, log, signal }: Omit<SourceOptions, "timeout">): Promise<ModelSource> {
  const model = findModel(repository);
  const follower = follow(repository, model, log, {
    async open(version) {
      await checkVersion(version, { signal });
      const reader = await startReader(version);
      try {
        return { ...(await openModelVersion(version, { log })), reader };
      } catch (error) {
        await reader.close();
        throw error;
      }
    },
  });
  const poll = async () => {
    await follower.drained(); // during a swap, at most one extra version is in memory
    if (!isGone(repository, model)) return follower.poll();
    if (follower.current) log.info({ model }, `${model} was removed from the repository; unloading it`);
    follower.release();
  };
  return start(follower, { poll, use: follower.use, live: async () => true });
}

/**
 * The newest version of the repository that the inference server at `url` serves; the newest of all while it serves none.
 * @throws no-file; bad-metadata, no-tokenizer or bad-tokenizer if no version can be read
 */
export async function connectSource({ repository, timeout, log }: SourceOptions, url: string): Promise<ModelSource> {
  const follower = follow<Model<RemoteEngine>>(repository, findModel(repository), log, {
    async open(version) {
      const engine = connectEngine(url, version, timeout);
      try {
        if ((await engine.ready()) || !follower.current) return { ...describeVersion(version, engine), reader: await startReader(version) };
      } catch (error) {
        await engine.close();
        throw error;
      }
      await engine.close();
      return undefined;
    },
    serves: ({ engine }) => engine.ready(),
  });

  async function use<R>(work: (model: Model) => Promise<R>): Promise<R> {
    for (let tries = 0; ; tries++) {
      const used = follower.current;
      try {
        return await follower.use(work);
      } catch (error) {
        const isGone = error instanceof ReadabilityError && error.code === "not-served";
        if (!isGone || tries === retries) throw error;
        if (follower.current === used) await follower.poll();
        if (follower.current === used) await sleep(firstPause * 2 ** tries);
        else tries = -1; // as many tries again for the successor
      }
    }
  }
  const live = async () => (await follower.current?.engine.live()) ?? false;
  return start(follower, { poll: follower.poll, use, live });
}

/** The repository's only (or first) model. @throws no-file */
const findModel = (repository: string): string => listModels(repository)[0] ?? readNewestVersion(repository).model;

/** Whether the model was removed from the repository. One that cannot be read is a fault of its file system: the model stays. */
function isGone(repository: string, model: string): boolean {
  try {
    return !listModels(repository).includes(model);
  } catch {
    return false;
  }
}

function follow<M extends Model>(repository: string, model: string, log: Log, how: Pick<FollowOptions<M>, "open" | "serves">): Follower<M> {
  return followNewest({ repository, model, log, close: closeModel, ...how });
}

/** Reads long texts for a version. @throws no-tokenizer, bad-tokenizer */
const startReader = ({ folder, metadata }: ModelVersion) => startTextReader({ folder, maxLength: metadata.max_length });

async function closeModel({ engine, reader }: Model): Promise<void> {
  await Promise.all([engine.close(), reader?.close()]);
}

async function start(follower: Follower<Model>, { poll, use, live }: Pick<ModelSource, "poll" | "use" | "live">): Promise<ModelSource> {
  await poll();
  if (!follower.current) throw follower.problem;
  let closed = false;
  const current = () => follower.current ?? (closed ? fail("closed", {}) : fail("not-ready", { what: "The model" }));
  return {
    get current() {
      return current();
    },
    async use(work) {
      current();
      return use(work);
    },
    poll,
    live,
    ready: async () => (await follower.current?.engine.ready()) ?? false,
    async close() {
      closed = true;
      await follower.close();
    },
  };
}
