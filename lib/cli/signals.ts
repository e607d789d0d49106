/** Milliseconds in which a second signal counts as the first: npm and npx pass on what the terminal has already sent. */
const echo = 1000;

/**
 * A signal that aborts at the first SIGINT, SIGTERM or SIGHUP, or when nobody reads our output any more (`readability up | head`). At a
 * later signal `again` is called; without it the process ends as it would have without us.
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
