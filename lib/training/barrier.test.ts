import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { compiled } from "../system/package-files.js";
import { createBarrier, waitAtBarrier } from "./barrier.js";

it("stays closed after a notify that does not open it", async () => {
  const barrier = createBarrier();
  const code = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(${JSON.stringify(compiled("lib/training/barrier"))}).then(({ waitAtBarrier }) => {
      parentPort.postMessage("waits");
      waitAtBarrier(workerData, 2, 60000);
      parentPort.postMessage("passed");
    });`;
  const worker = new Worker(code, { eval: true, workerData: barrier });
  const messages: string[] = [];
  worker.on("message", (message: string) => messages.push(message));
  const wake = async () => {
    while (Atomics.notify(barrier, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await wake();
  await wake(); // only a thread that waits again can be woken again
  expect(messages).toEqual(["waits"]);
  waitAtBarrier(barrier, 2, 60_000);
  await new Promise((resolve) => worker.on("exit", resolve));
  expect(messages).toEqual(["waits", "passed"]);
});

it("fails if the others do not arrive in time", () => {
  expect(() => waitAtBarrier(createBarrier(), 2, 20)).toThrow(/did not respond within 0\.02 s/);
});
