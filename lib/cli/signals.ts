/** Milliseconds in which a second signal counts as the first: npm and npx pass on what the terminal has already sent. */
const echo = 1000;

/**
 * A signal that aborts at the first SIGINT, SIGTERM or SIGHUP, or when the reader of our output is gone (`readability up | head`).
 * A later one calls `again`, or without it ends the process as if nothing had handled it.
 */
export function abortOnSignals(again?: () => void): AbortSignal {
  const controller = new AbortController();
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  let first = 0;
  const handle = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      first = Date.now();
      controller.abort();
    } else if (Date.now() - first > echo) {
      if (again) return again();
      for (const other of names) process.removeListener(other, handle);
      process.kill(process.pid, name);
    }
  };
  for (const name of names) process.on(name, handle);
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      controller.abort();
    });
  return controller.signal;
}
