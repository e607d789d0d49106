/** A change to the disk at which a process gets a signal. */
type SignalPoint =
  /** Its change number `change`, counted from 1. Half of the bytes of a write reach the disk. */
  | { readonly change: number }
  /** The `times`-th time that it has renamed a file to this path. */
  | { readonly renamedTo: string; readonly times: number };

/** Environment in which a child process of Node sends itself a signal at a point that does not depend on time. */
export function signalAt(point: SignalPoint, signal: "SIGKILL" | "SIGINT" = "SIGKILL"): NodeJS.ProcessEnv {
  const code = `${preload}\nif (isMainThread) signalAt(${JSON.stringify(point)}, ${JSON.stringify(signal)});`;
  return { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(code)}"` };
}

const preload = `
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

function signalAt({ change, renamedTo, times }, signal) {
  let [changes, renames] = [0, 0];
  const send = () => {
    process.kill(process.pid, signal);
    while (signal === "SIGKILL");
  };
  const writeHalf = (name, apply, [file, data, begin, length]) => {
    if (name === "writeSync") apply(file, data, begin, Math.floor(length / 2));
    if (name === "appendFileSync") apply(file, data.slice(0, data.length / 2));
  };
  for (const name of ["openSync", "writeSync", "appendFileSync", "fsyncSync", "renameSync", "rmSync", "mkdirSync"]) {
    const apply = fs[name];
    fs[name] = (...args) => {
      if (name === "writeSync" && args[0] <= 2) return apply(...args); // the log
      if (++changes === change) {
        writeHalf(name, apply, args);
        send();
      }
      const result = apply(...args);
      if (name === "renameSync" && args[1] === renamedTo && ++renames === times) send();
      return result;
    };
  }
  syncBuiltinESMExports();
}
`;
