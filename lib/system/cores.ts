import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Reads a file. @throws if it does not exist */
type ReadFile = (path: string) => string;

/**
 * Cores this process may use, at least 1: what the scheduler allows, and no more than the CPU quota, rounded down, of its control
 * group or any group above that (cgroups v1 and v2).
 */
export function countCores(readFile: ReadFile = (path) => readFileSync(path, "utf8"), allowed = availableParallelism()): number {
  const read = (path: string) => {
    try {
      return readFile(path).trim();
    } catch {
      return "";
    }
  };
  // A container may see its own group as the root, whatever /proc says of the path.
  const groups = ["0::/", "1:cpu:/", ...read("/proc/self/cgroup").split("\n")];
  const quotas = groups.flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || (controllers !== "" && !controllers!.split(",").includes("cpu"))) return [];
    const names = path.split("/").filter(Boolean);
    const ancestors = [...names.keys(), names.length].map((depth) => ["", ...names.slice(0, depth)].join("/"));
    return ancestors.map((group) => (controllers === "" ? readQuota2(read, group) : readQuota1(read, group)));
  });
  return Math.max(1, Math.floor(Math.min(allowed, ...quotas)));
}

/** cpu.max holds "150000 100000", or "max 100000" without a limit. */
function readQuota2(read: ReadFile, group: string): number {
  const [limit, period] = read(`/sys/fs/cgroup${group}/cpu.max`).split(" ").map(Number);
  return limit! / period! || Number.POSITIVE_INFINITY;
}

/** cpu.cfs_quota_us holds -1 without a limit. */
function readQuota1(read: ReadFile, group: string): number {
  const [limit, period] = ["quota", "period"].map((name) => Number(read(`/sys/fs/cgroup/cpu${group}/cpu.cfs_${name}_us`)));
  return limit! > 0 ? limit! / period! : Number.POSITIVE_INFINITY;
}
