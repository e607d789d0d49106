import { parentPort, workerData } from "node:worker_threads";
import { reason } from "../errors/errors.js";
import { createSession, type Data } from "../onnx/session.js";
import type { Row, WorkerAnswer, WorkerRequest, WorkerSetup } from "./worker-pool.js";

const { graph, threads } = workerData as WorkerSetup;
// "basic": the graphs are built from fused operators, and further fusion makes them slower.
const session = await createSession(graph, { threads, optimization: "basic" });

/** The data of each graph input, from one window. */
const feeds: Readonly<Record<string, (row: Row) => BigInt64Array>> = {
  input_ids: ({ ids }) => ids,
  attention_mask: ({ ids, mask }) => mask ?? new BigInt64Array(ids.length).fill(1n),
  token_type_ids: ({ ids, types }) => types ?? new BigInt64Array(ids.length),
};

const unknown = session.inputs.filter((name) => !(name in feeds));
if (unknown.length > 0) throw new Error(`its inputs ${unknown.join(", ")} are unknown; expected ${Object.keys(feeds).join(", ")}`);

async function run(row: Row): Promise<WorkerAnswer> {
  const shape = [1, row.ids.length];
  const tensors = session.inputs.map((name): [string, Data] => [name, { dtype: "int64", shape, data: feeds[name]!(row) }]);
  const began = performance.now();
  const { logits } = await session.run(Object.fromEntries(tensors));
  const seconds = (performance.now() - began) / 1000;
  if (logits?.dtype !== "float32" || logits.data.length !== 1) return { problem: "it has no output logits of one float32 a text" };
  return { logit: logits.data[0] as number, seconds };
}

async function handle(request: WorkerRequest): Promise<void> {
  if (request === "stop") {
    await session.close();
    parentPort!.close();
  } else {
    const answer = await run(request).catch((error: unknown) => ({ problem: reason(error).replace(/\.+$/, "") }));
    parentPort!.postMessage(answer);
  }
}

let last = Promise.resolve(); // "stop" waits for the run in progress
parentPort!.on("message", (request: WorkerRequest) => {
  last = last.then(() => handle(request));
});
parentPort!.postMessage({ inputs: session.inputs } satisfies WorkerAnswer);
