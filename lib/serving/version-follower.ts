import { join } from "node:path";
import type { Log } from "../cli/log.js";
import { fail, failure, reason } from "../errors/errors.js";
import { listVersions, type ModelVersion, readVersion, versionFiles } from "../repository/repository.js";
import { stampFile } from "../storage/files.js";

export interface FollowOptions<T> {
  readonly repository: string;
  readonly model: string;
  /** Opens a version beside the current one; undefined if that is not possible yet. */
  readonly open: (version: ModelVersion) => Promise<T | undefined>;
  readonly close: (opened: T) => Promise<void>;
  /** Whether an opened version still serves; by default it does. */
  readonly serves?: (opened: T) => Promise<boolean>;
  readonly log: Log;
}

/** A version as Triton's repository index lists it. */
export interface VersionState {
  readonly version: number;
  readonly state: "READY" | "LOADING" | "UNLOADING" | "UNAVAILABLE";
  readonly reason?: string;
}

/** Keeps the newest version of a model open that can be opened. */
export interface Follower<T> {
  readonly current: T | undefined;
  /** The current version, and earlier ones that are still in use. */
  readonly opened: readonly T[];
  /** Why no version, or no newer one, is open. */
  readonly problem: unknown;
  readonly states: readonly VersionState[];
  /** Runs `work` with the current version, which stays open until the work is done. @throws closed if there is none */
  use<R>(work: (opened: T) => Promise<R>): Promise<R>;
  /**
   * Reads the repository and opens a newer version, or an earlier one if the current one is gone. If a version does not open, the current
   * one stays, and the version is tried again only when its files have changed.
   */
  poll(): Promise<void>;
  /** Makes the next poll retry versions that could not be opened. */
  clearErrors(): void;
  /** Releases the current version, which closes once its last user is done. A later poll opens one again. */
  release(): void;
  /** Resolves when every released version is closed. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

interface Opened<T> {
  readonly version: number;
  /** State of its files when it was opened. */
  readonly state: string;
  readonly value: T;
  users: number;
  /** Called when the last user has left. */
  onUnused: () => void;
}

export function followNewest<T>({ repository, model, open, close, serves = async () => true, log }: FollowOptions<T>): Follower<T> {
  const problems = new Map<number, { readonly state: string; readonly error: unknown }>();
  const draining = new Map<Opened<T>, Promise<void>>();
  let current: Opened<T> | undefined;
  let loading: number | undefined;
  let unloaded: number | undefined;
  let polling: Promise<void> | undefined;
  let closed = false;

  async function pollOnce(): Promise<void> {
    const versions = listNewestFirst();
    for (const version of problems.keys()) if (!versions.includes(version)) problems.delete(version);
    for (const version of versions) {
      const state = readState(join(repository, model, String(version)));
      const isCurrent = version === current?.version;
      const known = [isCurrent && current?.state, problems.get(version)?.state];
      if (!known.includes(state) && (await replace(version, state))) return;
      if (isCurrent && current && (await serves(current.value))) return;
    }
  }

  /** None if the model cannot be read: the current version then stays. */
  function listNewestFirst(): readonly number[] {
    try {
      return listVersions(repository, model).toReversed();
    } catch {
      return [];
    }
  }

  /** Opens a version in place of the current one. @returns whether it opened */
  async function replace(version: number, state: string): Promise<boolean> {
    loading = version;
    try {
      const value = await open(readVersion(repository, model, version));
      if (value === undefined) return false;
      if (current) log.info({ model, version }, `${model}, version ${version} replaces version ${current.version}`);
      release();
      current = { version, state, value, users: 0, onUnused: () => {} };
      problems.delete(version);
      return true;
    } catch (error) {
      problems.set(version, { state, error });
      const kept = current ? `; version ${current.version} stays in service` : "";
      log.error({ model, version }, `${model}, version ${version} cannot be loaded${kept}: ${reason(error)}`);
      return false;
    } finally {
      loading = undefined;
    }
  }

  function release(): void {
    if (!current) return;
    const old = current;
    current = undefined;
    unloaded = old.version;
    const unused = new Promise<void>((resolve) => {
      if (old.users === 0) resolve();
      else old.onUnused = resolve;
    });
    const closing = unused.then(() => close(old.value)).finally(() => draining.delete(old));
    draining.set(old, closing);
  }

  const drained = async () => void (await Promise.all(draining.values()));

  return {
    get current() {
      return current?.value;
    },
    get opened() {
      return [...draining.keys(), ...(current ? [current] : [])].map(({ value }) => value);
    },
    get problem() {
      if (problems.size > 0) return problems.get(Math.max(...problems.keys()))?.error;
      return failure("no-file", {
        file: join(repository, model, "1"),
        what: "a version of the model",
        remedy: "Build one with: readability optimization.",
      });
    },
    get states() {
      const states = new Map<number, VersionState>();
      const add = (version: number, state: VersionState["state"], reason?: string) =>
        states.set(version, { version, state, ...(reason === undefined ? {} : { reason }) });
      if (unloaded !== undefined && !current) add(unloaded, "UNAVAILABLE", "unloaded");
      for (const { version } of draining.keys()) add(version, "UNLOADING");
      for (const [version, { error }] of problems) add(version, "UNAVAILABLE", reason(error));
      if (loading !== undefined) add(loading, "LOADING");
      if (current) add(current.version, "READY");
      return [...states.values()].sort((a, b) => a.version - b.version);
    },
    async use(work) {
      const used = current ?? fail("closed", {});
      used.users += 1;
      try {
        return await work(used.value);
      } finally {
        used.users -= 1;
        if (used.users === 0) used.onUnused();
      }
    },
    poll() {
      polling ??= (closed ? Promise.resolve() : pollOnce()).finally(() => {
        polling = undefined;
      });
      return polling;
    },
    clearErrors: () => problems.clear(),
    release,
    drained,
    async close() {
      closed = true;
      await polling;
      release();
      await drained();
    },
  };
}

/** A string that changes when the files of a version change, except for its reports. */
function readState(folder: string): string {
  const files = [...Object.values(versionFiles), "tokenizer.json", "tokenizer_config.json"];
  return files.map((name) => stampFile(join(folder, name))).join();
}
