import { failure } from "../lib/errors/errors.js";
import type { Run } from "../lib/serving/engine.js";
import { createLocalEngine, type LocalEngineOptions } from "../lib/serving/local-engine.js";
import type { ModelWorker } from "../lib/serving/worker-pool.js";
import { until } from "./fakes.js";

/** Workers whose runs end when the test says so; a text's logit is half its first id. A worker that is given a second text fails the test. */
export function fakeWorkers() {
  const runs: { readonly id: number; finish(seconds?: number): void; refuse(): void; lose(): void }[] = [];
  const stopped: ModelWorker[] = [];
  let starts = 0;
  let broken = false;
  const start = async (): Promise<ModelWorker> => {
    starts += 1;
    if (broken) throw failure("bad-graph", { file: "graph", cause: "broken" });
    let end: (cause: string) => void = () => {};
    const ended = new Promise<string>((resolve) => {
      end = resolve;
    });
    let busy = false;
    const worker: ModelWorker = {
      inputs: ["input_ids", "attention_mask", "token_type_ids"],
      ended,
      run: ({ ids }) =>
        new Promise<Run>((resolve, reject) => {
          if (busy) throw new Error("a worker was given a text while it ran another");
          busy = true;
          const id = Number(ids[0]);
          const leave = () => {
            busy = false;
            runs.splice(runs.indexOf(run), 1);
          };
          const run = {
            id,
            finish(seconds = 0) {
              leave();
              resolve({ logit: id / 2, seconds });
            },
            refuse() {
              leave();
              reject(failure("run-failed", { problem: "bad id" }));
            },
            lose() {
              leave();
              end("killed");
              reject(failure("session-lost", { cause: "killed" }));
            },
          };
          runs.push(run);
        }),
      async stop() {
        stopped.push(worker);
        end("stopped");
      },
    };
    return worker;
  };
  return {
    runs,
    stopped,
    start,
    get starts() {
      return starts;
    },
    breakStarts(now: boolean) {
      broken = now;
    },
    ids: () => runs.map(({ id }) => id),
    /** Ends the run of a text, once it has begun. */
    async finish(id: number, seconds?: number) {
      await until(() => runs.some((run) => run.id === id));
      runs.find((run) => run.id === id)!.finish(seconds);
    },
  };
}

/** An engine over fake workers. */
export async function createFakeEngine(options: Partial<LocalEngineOptions> = {}) {
  const fake = fakeWorkers();
  const engine = await createLocalEngine({ graph: new Uint8Array(), workers: 1, ...options }, fake.start);
  return { ...fake, fake, engine };
}
