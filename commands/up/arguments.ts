import { flagName, type Options } from "../../lib/cli/options.js";

/** Splits a command line into the arguments that `own` declares and the others, both in order. Every option of `own` takes a value. */
export function splitArguments(own: Options, argv: readonly string[]): { readonly own: string[]; readonly others: string[] } {
  const flags = new Set(Object.entries(own).flatMap(([name, { short }]) => [flagName(name), ...(short ? [`-${short}`] : [])]));
  const parted = { own: [] as string[], others: [] as string[] };
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    const [flag] = argument.split("=", 1);
    if (argument === "--help" || argument === "-h") parted.own.push(argument);
    else if (!flags.has(flag!)) parted.others.push(argument);
    else parted.own.push(argument, ...(argument.includes("=") ? [] : argv.slice(++i, i + 1)));
  }
  return parted;
}
