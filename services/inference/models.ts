import type { Log } from "../../lib/cli/log.js";
import { fail, reason } from "../../lib/errors/errors.js";
import { listModels, type ModelVersion, readNewestVersion } from "../../lib/repository/repository.js";
import { type Follower, followNewest, type VersionState } from "../../lib/serving/version-follower.js";
import type { Served } from "./served.js";

export interface ModelsOptions {
  readonly repository: string;
  /** As Triton's --model-control-mode: in explicit mode a model is loaded when a client asks for it. */
  readonly mode: "none" | "poll" | "explicit";
  readonly open: (version: ModelVersion) => Promise<Served>;
  readonly log: Log;
}

/** A row of the repository index. A model that was never loaded has no version. */
interface IndexRow extends Partial<Omit<VersionState, "version">> {
  readonly name: string;
  readonly version?: string;
}

/** The models of a repository: of each, the newest version that loads. */
export interface Models {
  /** Whether it is ready without a model: in explicit mode, clients wait for it before they load one, as with Triton. */
  readonly mayBeEmpty: boolean;
  /** The versions that are served. */
  served(): readonly Served[];
  /** These, and replaced versions that still answer what they accepted. */
  opened(): readonly Served[];
  index(): Promise<readonly IndexRow[]>;
  /** Loads new versions and unloads models that are gone. During a swap, at most one extra version is in memory. */
  poll(): Promise<void>;
  /** @throws no-explicit-control; unknown-repository-model; load-failed */
  load(model: string): Promise<void>;
  /** @throws no-explicit-control */
  unload(model: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Loads every model, or none in explicit mode.
 * @throws no-file; if no version of a model loads, what loading it throws
 */
export async function openModels({ repository, mode, open, log }: ModelsOptions): Promise<Models> {
  const followers = new Map<string, Follower<Served>>();
  let last: Promise<unknown> = Promise.resolve();
  let missing = false;

  /** Does one piece of work after the other. */
  function inOrder<R>(work: () => Promise<R>): Promise<R> {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  }

  const drained = async () => void (await Promise.all([...followers.values()].map((follower) => follower.drained())));

  async function pollModel(model: string): Promise<Follower<Served>> {
    await drained();
    const follower = followers.get(model) ?? followNewest({ repository, model, open, close: (served) => served.close(), log });
    followers.set(model, follower);
    await follower.poll();
    return follower;
  }

  async function pollAll(): Promise<void> {
    const names = listNames();
    for (const [name, follower] of followers) {
      if (names.includes(name)) continue;
      if (follower.current) log.info({ model: name }, `${name} was removed from the repository; unloading it`);
      await follower.close();
      followers.delete(name);
    }
    for (const name of names) await pollModel(name);
  }

  /** The models of the repository; those that are followed if it cannot be read, so that they stay. */
  function listNames(): readonly string[] {
    try {
      const names = listModels(repository);
      missing = false;
      return names;
    } catch (error) {
      if (!missing) log.error(`cannot read the repository; the loaded models stay in service: ${reason(error)}`);
      missing = true;
      return [...followers.keys()];
    }
  }

  const close = async () => void (await Promise.all([...followers.values()].map((follower) => follower.close())));

  const names = listModels(repository);
  if (mode !== "explicit") {
    if (names.length === 0) readNewestVersion(repository); // says what is missing
    try {
      for (const name of names) {
        const follower = await pollModel(name);
        if (!follower.current) throw follower.problem;
      }
    } catch (error) {
      await close();
      throw error;
    }
  }

  function checkControl(): void {
    if (mode !== "explicit") fail("no-explicit-control", {});
  }

  return {
    mayBeEmpty: mode === "explicit",
    served: () => [...followers.values()].flatMap(({ current }) => current ?? []),
    opened: () => [...followers.values()].flatMap(({ opened }) => opened),
    async index() {
      const names = new Set([...listNames(), ...followers.keys()]);
      const rows = [...names].sort().map(async (name): Promise<readonly IndexRow[]> => {
        const follower = followers.get(name);
        if (!follower || follower.states.length === 0) return [{ name }];
        const isReady = await follower.current?.engine.ready();
        return follower.states.map(({ version, state, reason }) => ({
          name,
          version: String(version),
          ...(state === "READY" && !isReady ? { state: "UNAVAILABLE", reason: "its workers ended" } : { state, ...(reason && { reason }) }),
        }));
      });
      return (await Promise.all(rows)).flat();
    },
    poll: () => inOrder(pollAll),
    async load(model) {
      checkControl();
      await inOrder(async () => {
        if (!listNames().includes(model)) fail("unknown-repository-model", { model });
        followers.get(model)?.clearErrors();
        const follower = await pollModel(model);
        const failed = follower.states.findLast(({ state }) => state === "UNAVAILABLE");
        if (failed && failed.version > (follower.current?.version ?? 0))
          fail("load-failed", { model, version: failed.version, reason: failed.reason ?? "" });
        if (!follower.current) fail("unknown-repository-model", { model });
      });
    },
    async unload(model) {
      checkControl();
      await inOrder(async () => followers.get(model)?.release());
    },
    close: () => inOrder(close),
  };
}
