import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../lib/cli/log.js";
import { fail, ReadabilityError } from "../../lib/errors/errors.js";
import { connectServer, type ServerModel } from "../../lib/protocol/client.js";
import { listModels, readNewestVersion } from "../../lib/repository/repository.js";
import { describeVersion, type Model, openModelVersion } from "../../lib/serving/model.js";
import { type Follower, type FollowOptions, followNewest } from "../../lib/serving/version-follower.js";

/** Where the api's model comes from, whose versions come and go. */
export interface ModelSource {
  readonly current: Model;
  /** Does work with the current model, again with the one in its place where its version goes away meanwhile. */
  use<R>(work: (model: Model) => Promise<R>): Promise<R>;
  /** @throws other-model where the server's is not one that can be asked */
  ready(): Promise<boolean>;
  /** Whether there is a server at all, whose model may still be loading. */
  live(): Promise<boolean>;
  /** Looks for another version. */
  look(): Promise<void>;
  close(): Promise<void>;
}

interface RemoteModel extends Model {
  readonly scorer: ServerModel;
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
  return start(follower, { look, use: follower.use, live: async () => true });
}

/**
 * The newest version of the repository that the inference server at `url` serves; the newest of all while it serves none.
 * @throws no-file; bad-metadata, no-tokenizer or bad-tokenizer where no version can be read
 */
export async function connectSource({ repository, timeout, log }: SourceOptions, url: string): Promise<ModelSource> {
  const follower = follow<RemoteModel>(repository, log, {
    async open(found) {
      const { model, version, metadata } = found;
      const { length_buckets: buckets, pad_token_id: padId } = metadata;
      const scorer = checkWhenReady(connectServer(url, model, { version, timeout, buckets, padId }));
      try {
        if ((await scorer.ready()) || !follower.current) return { ...describeVersion(found, scorer), scorer };
      } catch (error) {
        await scorer.close();
        throw error;
      }
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
  const live = async () => (await follower.current?.scorer.live()) ?? false;
  return start(follower, { look: follower.look, use, live });
}

/** A model counts as ready once it is checked to be one that can be asked. */
function checkWhenReady(server: ServerModel): ServerModel {
  let checked = false;
  return {
    ...server,
    async ready() {
      if (!(await server.ready())) return false;
      if (checked) return true;
      try {
        await server.check();
      } catch (error) {
        if (error instanceof ReadabilityError && error.code === "other-model") throw error;
        return false; // it went away meanwhile
      }
      checked = true;
      return true;
    },
  };
}

/** Follows the repository's only (or first) model. @throws no-file */
function follow<M extends Model>(repository: string, log: Log, how: Pick<FollowOptions<M>, "open" | "serves">): Follower<M> {
  const model = listModels(repository)[0] ?? readNewestVersion(repository).model;
  return followNewest({ repository, model, log, close: ({ scorer }) => scorer.close(), ...how });
}

async function start(follower: Follower<Model>, { look, use, live }: Pick<ModelSource, "look" | "use" | "live">): Promise<ModelSource> {
  await look();
  if (!follower.current) throw follower.problem;
  return {
    get current() {
      return follower.current ?? fail("closed", {});
    },
    use,
    look,
    live,
    ready: async () => (await follower.current?.scorer.ready()) ?? false,
    close: follower.close,
  };
}
