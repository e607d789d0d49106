import { parseOptions } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { loadOptions } from "../../lib/cli/tables.js";
import { compiled } from "../../lib/system/package-files.js";
import { splitArguments } from "./arguments.js";
import { options } from "./options.js";
import { createPrinter } from "./print.js";
import { runUp } from "./run.js";

/** Ctrl-C ends all services in order; a second Ctrl-C kills them. */
export async function main(argv: readonly string[]): Promise<number> {
  const tables = {
    own: options,
    train: await loadOptions("services", "train"),
    optimization: await loadOptions("services", "optimization"),
  };
  const { own, ...passed } = splitArguments(tables, argv);
  const settings = { ...parseOptions("up", options, own), ...passed };
  const kill = new AbortController();
  return runUp(settings, {
    launch: (service, args) => [process.execPath, compiled("cli"), service, ...args],
    print: createPrinter(["up", "train", "optimization", "inference", "api", "load_testing"]),
    signal: abortOnSignals(() => kill.abort()),
    kill: kill.signal,
    releasedModel: places.releasedModel,
    health: { every: 5, limit: 10, failures: 3 },
    restarts: { pause: 1, limit: 5, calm: 60 },
  });
}
