import { setTimeout as sleep } from "node:timers/promises";
import { fail, ReadabilityError } from "../../lib/errors.js";
import type { Log } from "../../lib/log.js";
import { describeVersion, type Model, openModelVersion } from "../../lib/model.js";
import { connectServer } from "../../lib/protocol/client.js";
import { listModels, readNewestVersion } from "../../lib/repository.js";
import { type Follower, type FollowOptions, followNewest } from "../../lib/versions.js";

/** Where the api's model comes from, whose versions come and go. */
export interface ModelSource {
  readonly current: Model;
  /** Does work with the current model, again with the one in its place where its version goes away meanwhile. */
  use<R>(work: (model: Model) => Promise<R>): Promise<R>;
  ready(): Promise<boolean>;
  /** Looks for another version. */
  look(): Promise<void>;
  close(): Promise<void>;
}

export interface SourceOptions {
  readonly repository: string;
  /** Milliseconds a text may take. */
  readonly timeout: number;
  readonly log: Log;
}

/** How often a text is sent again whose version is not served and has no successor yet, and the milliseconds before, which double. */
const retries = 4;
const firstPause = 50;

/**
 * The newest version of the repository that loads, in this process.
 * @throws no-file; what loading throws where no version loads
 */
export async function openSource({ repository, log }: SourceOptions): Promise<ModelSource> {
  const follower = follow(repository, log, { open: (version) => openModelVersion(version, { log }) });
  // Memory is for one version more than the current one, not for two.
  const look = () => follower.drained().then(follower.look);
  return start(follower, { look, use: follower.use });
}

/**
 * The newest version of the repository that the inference server at `url` serves; the newest of all while it serves none.
 * @throws no-file; bad-metadata, no-tokenizer or bad-tokenizer where no version can be read
 */
export async function connectSource({ repository, timeout, log }: SourceOptions, url: string): Promise<ModelSource> {
  const follower = follow(repository, log, {
    async open(found) {
      const scorer = connectServer(url, found.model, { version: found.version, timeout });
      if (!follower.current || (await scorer.ready())) return describeVersion(found, scorer);
      await scorer.close();
      return undefined;
    },
    serves: ({ scorer }) => scorer.ready(),
  });

  async function use<R>(work: (model: Model) => Promise<R>): Promise<R> {
    for (let tries = 0; ; tries++) {
      const used = follower.current;
      try {
        return await follower.use(work);
      } catch (error) {
        const isGone = error instanceof ReadabilityError && error.code === "not-served";
        if (!isGone || tries === retries) throw error;
        if (follower.current === used) await follower.look();
        if (follower.current === used) await sleep(firstPause * 2 ** tries);
        else tries = -1; // as often again with that one
      }
    }
  }
  return start(follower, { look: follower.look, use });
}

/** Follows the repository's only (or first) model. @throws no-file */
function follow(repository: string, log: Log, how: Pick<FollowOptions<Model>, "open" | "serves">): Follower<Model> {
  const model = listModels(repository)[0] ?? readNewestVersion(repository).model;
  return followNewest({ repository, model, log, close: ({ scorer }) => scorer.close(), ...how });
}

async function start(follower: Follower<Model>, { look, use }: Pick<ModelSource, "look" | "use">): Promise<ModelSource> {
  await look();
  if (!follower.current) throw follower.problem;
  return {
    get current() {
      return follower.current ?? fail("closed", {});
    },
    use,
    look,
    ready: async () => (await follower.current?.scorer.ready()) ?? false,
    close: follower.close,
  };
}
