import { failure } from "../lib/errors/errors.js";
import type { Run, Runner } from "../lib/serving/runner.js";
import { until } from "./fakes.js";

/** Runners whose runs end when the test says so; a text's logit is half its first id. */
export function fakeRunners() {
  const runs: { readonly id: number; finish(seconds?: number): void; refuse(): void; lose(): void }[] = [];
  const stopped: Runner[] = [];
  let starts = 0;
  let broken = false;
  const start = async (): Promise<Runner> => {
    starts += 1;
    if (broken) throw failure("bad-graph", { file: "graph", cause: "broken" });
    let end: (cause: string) => void = () => {};
    const ended = new Promise<string>((resolve) => {
      end = resolve;
    });
    const runner: Runner = {
      inputs: ["input_ids", "attention_mask", "token_type_ids"],
      ended,
      run: ({ ids }) =>
        new Promise<Run>((resolve, reject) => {
          const id = Number(ids[0]);
          const leave = () => runs.splice(runs.indexOf(run), 1);
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
        stopped.push(runner);
        end("stopped");
      },
    };
    return runner;
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
