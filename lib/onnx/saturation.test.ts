import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { expect, it } from "vitest";
import { isSaturating } from "./saturation.js";

/** What Linux says of the processor. */
const flags =
  process.platform === "linux" && process.arch === "x64"
    ? new Set(/^flags\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "))
    : undefined;

// Only Linux lists the flags of a processor, and only those of x64 tell.
it.skipIf(flags === undefined)(`finds out whether 8-bit products overflow (${cpus()[0]?.model})`, async () => {
  const exact = ["avx512_vnni", "avx_vnni", "amx_int8"].some((flag) => flags!.has(flag));
  expect(await isSaturating()).toBe(!exact);
});
