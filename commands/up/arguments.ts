import { flagName, type Options, parseOptions } from "../../lib/cli/options.js";
import { fail } from "../../lib/errors/errors.js";

/** Arguments that `up` passes on, each to the service that declares it. */
export interface Passed {
  readonly train: readonly string[];
  readonly optimization: readonly string[];
}

export interface Tables {
  readonly own: Options;
  readonly train: Options;
  readonly optimization: Options;
}

/** Options of services that `up` does not take, and why. */
const refused: Readonly<Record<string, string>> = {
  out: "it writes below --artifacts",
  folds: "it serves one model: run readability train --folds, then up --model with one of them or their average",
};

const prefix = "optimization";

/**
 * Splits a command line into the arguments of `up` and those that it passes on, each in order. An option goes to the first of up, train and
 * optimization that declares it; --optimization-target, for one, always goes to optimization.
 * @throws usage for an option that none declares or that `up` does not take, and for an invalid value
 */
export function splitArguments(tables: Tables, argv: readonly string[]): Passed & { readonly own: readonly string[] } {
  const optimization = omit(tables.optimization, ["data", "model", "out"]);
  const prefixed = Object.fromEntries(Object.entries(optimization).map(([name, option]) => [addPrefix(name), option]));
  const passed = { ...prefixed, ...optimization, ...omit(tables.train, []) };
  const all: Options = { ...passed, ...tables.own };
  const flags = new Map(
    Object.entries(all).flatMap(([name, { short }]) =>
      [flagName(name), ...(short ? [`-${short}`] : [])].map((flag) => [flag, name] as const),
    ),
  );
  const parted = { own: [] as string[], train: [] as string[], optimization: [] as string[] };
  for (let i = 0; i < argv.length; i++) {
    const [flag, value] = argv[i]!.split(/=(.*)/s, 2) as [string, string?];
    if (flag === "--help" || flag === "-h") return { ...parted, own: [flag] };
    const why = Object.hasOwn(refused, flag.slice(2)) ? refused[flag.slice(2)] : undefined;
    if (why !== undefined) fail("usage", { problem: `up does not take ${flag}: ${why}`, help: "readability up --help" });
    const name = flags.get(flag);
    if (name === undefined) continue; // refused below
    const end = value === undefined ? endOfValue(all[name]!.takes, argv, i + 1) : i + 1;
    const service = name in tables.own ? "own" : name in tables.train ? "train" : "optimization";
    const sent = service === "optimization" && !(name in optimization) ? flag.replace(`--${prefix}-`, "--") : flag;
    parted[service].push(value === undefined ? sent : `${sent}=${value}`, ...argv.slice(i + 1, end));
    i = end - 1;
  }
  parseOptions("up", all, argv, {});
  return parted;
}

const addPrefix = (name: string) => `${prefix}${name[0]!.toUpperCase()}${name.slice(1)}`;

const omit = (options: Options, names: readonly string[]): Options =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name) && !Object.hasOwn(refused, name)));

/** The index after the words that belong to a flag. */
function endOfValue(takes: "nothing" | "value" | "list", argv: readonly string[], begin: number): number {
  if (takes === "nothing") return begin;
  if (takes === "value") return Math.min(argv.length, begin + 1);
  const next = argv.findIndex((word, i) => i >= begin && word.startsWith("-"));
  return next === -1 ? argv.length : next;
}

/** The options of train that say where passages are in the data, and those of the services that read the same data. */
const columns = {
  "--column": { optimization: "--column", load_testing: "--column" },
  "--target": { optimization: "--label-column", load_testing: undefined },
  "--file": { optimization: "--file", load_testing: "--file" },
} as const;

/** What a service must be told of train's arguments to read the same data. Each of these options takes one word. */
export function passColumns(train: readonly string[], service: "optimization" | "load_testing"): readonly string[] {
  return train.flatMap((argument, i) => {
    const [flag, value = train[i + 1]!] = argument.split(/=(.*)/s, 2) as [string, string?];
    const name = Object.hasOwn(columns, flag) ? columns[flag as keyof typeof columns][service] : undefined;
    return name === undefined ? [] : [name, value];
  });
}
