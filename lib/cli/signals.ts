/** Milliseconds during which a second signal is ignored: npm and npx forward signals that the terminal has already sent to us. */
const echo = 1000;

/**
 * An abort signal for the first SIGINT, SIGTERM or SIGHUP, or for a closed output pipe (`readability up | head`).
 * A later signal calls `again`; by default it ends the process.
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
