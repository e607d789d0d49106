import { parseOptions } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { fail } from "../../lib/errors/errors.js";
import { compiled } from "../../lib/system/package-files.js";
import { splitArguments } from "./arguments.js";
import { options } from "./options.js";
import { createPrinter } from "./print.js";
import { runUp } from "./run.js";

/** Options of train that up refuses. */
const refused = {
  "--out": "writes below --artifacts",
  "--folds": "serves one model: run readability train --folds, then up --model with one of them or their average",
} as const;

/** Ctrl-C ends all services in order; a second Ctrl-C kills them. */
export async function main(argv: readonly string[]): Promise<number> {
  const { own, others } = splitArguments(options, argv);
  for (const [flag, why] of Object.entries(refused))
    if (others.some((argument) => argument.split("=")[0] === flag))
      fail("usage", { problem: `up does not take ${flag}: it ${why}`, help: "readability up --help" });
  const settings = { ...parseOptions("up", options, own), train: others };
  const kill = new AbortController();
  return runUp(settings, {
    launch: (service, args) => [process.execPath, compiled("cli"), service, ...args],
    print: createPrinter(["up", "train", "optimization", "inference", "api", "load_testing"]),
    signal: abortOnSignals(() => kill.abort()),
    kill: kill.signal,
    releasedModel: places.releasedModel,
    restarts: { pause: 1, limit: 5, calm: 60 },
  });
}
