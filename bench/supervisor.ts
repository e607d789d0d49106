import { type Launch, startServer } from "./processes.js";

/** A server that is started again whenever it ends. */
export interface Supervised {
  /** Sends the server a signal, unless it is just starting. @returns whether it was sent */
  kill(signal: "SIGKILL" | "SIGTERM"): boolean;
  /** Whether it had been sent a signal at that time (of performance.now()), and was not ready again. */
  wasAway(time: number): boolean;
  stop(): Promise<void>;
}

export async function supervise(launch: Launch): Promise<Supervised> {
  let server = await startServer(launch);
  const outages: { readonly from: number; until: number }[] = [];
  let running = true;
  let stopping = false;
  const watch = async () => {
    for (;;) {
      await server.ended;
      running = false;
      if (stopping) return;
      server = await startServer(launch);
      running = true;
      for (const outage of outages) outage.until = Math.min(outage.until, performance.now());
      if (stopping) await server.stop();
    }
  };
  const watching = watch();
  watching.catch(() => {}); // `stop` tells
  return {
    kill(signal) {
      if (!running) return false;
      outages.push({ from: performance.now(), until: Number.POSITIVE_INFINITY });
      return server.child.kill(signal);
    },
    wasAway: (time) => outages.some(({ from, until }) => time >= from && time <= until),
    async stop() {
      stopping = true;
      await server.stop();
      await watching;
    },
  };
}
