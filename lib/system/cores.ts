import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Cores this process may use: the container's quota (cgroup v2, then v1) where one is set, else what the scheduler allows. At least 1. */
export function countCores(readFile: (path: string) => string = (path) => readFileSync(path, "utf8")): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(quota(readFile))));
}

function quota(readFile: (path: string) => string): number {
  try {
    const [limit, period] = readFile("/sys/fs/cgroup/cpu.max").trim().split(" ").map(Number);
    return Number.isFinite(limit) ? limit! / period! : Infinity; // "max 100000" means no limit
  } catch {
    try {
      const limit = Number(readFile("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"));
      return limit > 0 ? limit / Number(readFile("/sys/fs/cgroup/cpu/cpu.cfs_period_us")) : Infinity;
    } catch {
      return Infinity;
    }
  }
}
