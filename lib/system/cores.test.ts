import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
import { countCores } from "./cores.js";

/** Cores of a machine of 16 with these files. */
const count = (files: Readonly<Record<string, string>>) =>
  countCores((path) => {
    if (path in files) return `${files[path]}\n`;
    throw new Error("ENOENT");
  }, 16);

const service = "0::/system.slice/api.service";
const v1 = "12:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n0::/docker/1";
const quota1 = (folder: string, quota: string) => ({
  [`/sys/fs/cgroup/cpu${folder}/cpu.cfs_quota_us`]: quota,
  [`/sys/fs/cgroup/cpu${folder}/cpu.cfs_period_us`]: "100000",
});

it.each<[string, Readonly<Record<string, string>>, number]>([
  ["no control groups", {}, 16],
  ["v2, no limit", { "/proc/self/cgroup": "0::/", "/sys/fs/cgroup/cpu.max": "max 100000" }, 16],
  ["v2, a container's limit", { "/proc/self/cgroup": "0::/", "/sys/fs/cgroup/cpu.max": "400000 100000" }, 4],
  ["v2, a fraction rounded down", { "/sys/fs/cgroup/cpu.max": "250000 100000" }, 2],
  ["v2, less than a core", { "/sys/fs/cgroup/cpu.max": "50000 100000" }, 1],
  ["v2, more than there are", { "/sys/fs/cgroup/cpu.max": "6400000 100000" }, 16],
  [
    "v2, a systemd service's CPUQuota",
    { "/proc/self/cgroup": service, "/sys/fs/cgroup/system.slice/api.service/cpu.max": "200000 100000" },
    2,
  ],
  [
    "v2, the least of all groups above",
    {
      "/proc/self/cgroup": service,
      "/sys/fs/cgroup/system.slice/api.service/cpu.max": "max 100000",
      "/sys/fs/cgroup/system.slice/cpu.max": "300000 100000",
    },
    3,
  ],
  ["v1, no limit", { "/proc/self/cgroup": v1, ...quota1("/docker/1", "-1") }, 16],
  ["v1, by its path", { "/proc/self/cgroup": v1, ...quota1("/docker/1", "500000") }, 5],
  ["v1, seen as the root", { "/proc/self/cgroup": v1, ...quota1("", "150000") }, 1],
  ["a path with a colon", { "/proc/self/cgroup": "0::/a:b", "/sys/fs/cgroup/a:b/cpu.max": "200000 100000" }, 2],
])("counts cores: %s", (_, files, cores) => {
  expect(count(files)).toBe(cores);
});

it("counts those of this machine", () => {
  expect(countCores()).toBeGreaterThanOrEqual(1);
  expect(countCores()).toBeLessThanOrEqual(availableParallelism());
});
