// Loaded before a service (node --import): ends one of its worker threads whenever the parent process sends a message.
import type { Worker } from "node:worker_threads";

const alive: Worker[] = [];
let next = 0;

process.on("worker", (worker) => {
  worker.once("message", () => alive.push(worker)); // it has loaded the model: one that starts is left to start
  worker.once("exit", () => alive.includes(worker) && alive.splice(alive.indexOf(worker), 1));
});
// The engine's threads end at this message; a text that is sent to one meanwhile is lost with it.
process.on("message", () => {
  if (alive.length > 0) alive[next++ % alive.length]!.postMessage("stop");
});
process.channel?.unref();
