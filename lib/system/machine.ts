import { arch, cpus, platform, totalmem } from "node:os";
import { countCores } from "./cores.js";

/** What a measurement ran on. */
export interface Machine {
  readonly cpu: string;
  /** Those this process may use. */
  readonly cores: number;
  readonly memory_gib: number;
  readonly platform: string;
  readonly node: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: countCores(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()}-${arch()}`,
    node: process.version,
  };
}
