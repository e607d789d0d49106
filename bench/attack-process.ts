import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { createRandom } from "../lib/math/random.js";
import { endWithParent } from "../lib/system/child.js";
import type { Outcome, Site } from "./attack-site.js";
import { targets } from "./attack-targets.js";

/** What a process attacks: cases `first` to `end - 1` of a target. */
export interface AttackJob {
  readonly target: string;
  readonly site: Site;
  readonly folder: string;
  readonly seed: number;
  readonly first: number;
  readonly end: number;
  /** Cases between two readings of the memory. */
  readonly reading: number;
}

/** A message of the process, after each case. */
export interface AttackReport {
  readonly outcome: Outcome;
  readonly seconds: number;
  /** Bytes of resident memory after garbage collection, now and then. */
  readonly resident?: number;
}

// The process of an attack: what it attacks may end it.
endWithParent();
const { target, site, folder, seed, first, end, reading }: AttackJob = JSON.parse(process.argv[2]!);
const { make, run } = await targets[target]!.open(site, mkdtempSync(join(folder, "target-")));
for (let i = first; i < end; i++) {
  const input = make(createRandom(seed, i));
  const began = performance.now();
  const outcome = await run(input);
  const seconds = (performance.now() - began) / 1000;
  await setImmediate(); // what is closed is freed in a turn of its own
  const isReading = (i - first + 1) % reading === 0;
  if (isReading) globalThis.gc!();
  report({ outcome, seconds, ...(isReading ? { resident: process.memoryUsage.rss() } : {}) });
}
process.send!("done", () => process.exit(0));

function report(message: AttackReport): void {
  process.send!(message);
}
