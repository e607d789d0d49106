import { fail } from "../../lib/errors.js";
import { compiled } from "../../lib/module.js";
import { parseOptions } from "../../lib/options.js";
import { places } from "../../lib/places.js";
import { abortOnSignals } from "../../lib/signals.js";
import { splitArguments } from "./arguments.js";
import { options } from "./options.js";
import { createPrinter } from "./print.js";
import { runUp } from "./run.js";

/** Ctrl-C ends all services in order; a second one kills them. */
export async function main(argv: readonly string[]): Promise<number> {
  const { own, others } = splitArguments(options, argv);
  if (others.some((argument) => /^--out(=|$)/.test(argument)))
    fail("usage", { problem: "--out is no option of up, which writes below --artifacts", help: "readability up --help" });
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
