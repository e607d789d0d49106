import { once } from "node:events";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { createBarrier, waitAtBarrier } from "./barrier.js";
import { compiled } from "./module.js";

it("keeps a thread until all have come, though the notice of an earlier opening comes late", async () => {
  const barrier = createBarrier();
  const script = `
    import { parentPort, workerData } from "node:worker_threads";
    const { waitAtBarrier } = await import(${JSON.stringify(pathToFileURL(compiled("lib/barrier")).href)});
    waitAtBarrier(workerData, 2, 60_000);
    parentPort.postMessage("through");`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), { workerData: barrier });
  let through = false;
  worker.on("message", () => {
    through = true;
  });
  while (Atomics.notify(barrier, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(through).toBe(false);
  waitAtBarrier(barrier, 2, 60_000);
  await once(worker, "exit");
  expect(through).toBe(true);
});

it("gives up on threads that do not come", () => {
  expect(() => waitAtBarrier(createBarrier(), 2, 10)).toThrow(/waited for in vain for 0.01 s/);
});
