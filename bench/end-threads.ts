// Preloaded into a service (node --import): ends one of its worker threads whenever the parent process sends a message.
import type { Worker } from "node:worker_threads";

const alive: Worker[] = [];
let next = 0;

process.on("worker", (worker) => {
  worker.once("message", () => alive.push(worker)); // only one that has loaded its model may be ended
  worker.once("exit", () => alive.includes(worker) && alive.splice(alive.indexOf(worker), 1));
});
// An engine's thread ends at this message. A text that is sent to it meanwhile is lost with it.
process.on("message", () => {
  if (alive.length > 0) alive[next++ % alive.length]!.postMessage("stop");
});
process.channel?.unref();
