import { join } from "node:path";
import type { Log } from "../cli/log.js";
import { fail, failure, type ReadabilityError, reason } from "../errors/errors.js";
import { listVersions, type ModelVersion, readVersion, versionFiles } from "../repository/repository.js";
import { stampFile } from "../storage/files.js";
import { hashFile } from "../storage/hash.js";

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

/** The files of a version, apart from its reports. */
interface Files {
  /** Changes whenever the files change; on some file systems, also if they do not. */
  stamp: string;
  /** sha256 of each. */
  readonly hash: string;
}

interface Opened<T> {
  readonly version: number;
  /** When it was opened. */
  readonly files: Files;
  readonly value: T;
  users: number;
  /** Called when the last user has left. */
  onUnused: () => void;
}

export function followNewest<T>({ repository, model, open, close, serves = async () => true, log }: FollowOptions<T>): Follower<T> {
  const problems = new Map<number, { readonly files: Files; readonly error: unknown }>();
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
      const folder = join(repository, model, String(version));
      const isCurrent = version === current?.version;
      const known = [isCurrent ? current?.files : undefined, problems.get(version)?.files].filter((files) => files !== undefined);
      const changed = await findChange(folder, known);
      if (changed && (await replace(version, changed))) return;
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
  async function replace(version: number, files: Files): Promise<boolean> {
    loading = version;
    try {
      const value = await open(readVersion(repository, model, version));
      if (value === undefined) return false;
      if (current) log.info({ model, version }, `${model}, version ${version} replaces version ${current.version}`);
      release();
      current = { version, files, value, users: 0, onUnused: () => {} };
      problems.delete(version);
      return true;
    } catch (error) {
      problems.set(version, { files, error });
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

const watched = [...Object.values(versionFiles), "tokenizer.json", "tokenizer_config.json"];

/**
 * The state of a version's files, unless it is a known one. The bytes decide, because rclone and others may give a file a new inode at any
 * time.
 */
async function findChange(folder: string, known: readonly Files[]): Promise<Files | undefined> {
  const paths = watched.map((name) => join(folder, name));
  const stamp = paths.map(stampFile).join();
  if (known.some((files) => files.stamp === stamp)) return undefined;
  const hash = (await Promise.all(paths.map((path) => hashFile(path).catch((error) => (error as ReadabilityError).code)))).join();
  const same = known.find((files) => files.hash === hash);
  if (same) same.stamp = stamp;
  return same ? undefined : { stamp, hash };
}
