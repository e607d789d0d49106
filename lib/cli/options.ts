import { Command, CommanderError, Option as Flag } from "commander";
import { z } from "zod";
import { describeIssues } from "../errors/describe-issues.js";
import { fail } from "../errors/errors.js";

/** An option: its schema, its default and its help text. Its flag and its environment variable follow from its name. */
export interface Option<T> {
  readonly schema: z.ZodType<T>;
  readonly default: T;
  readonly help: string;
  /** One-letter flag. */
  readonly short: string | undefined;
}

export type Options = Readonly<Record<string, Option<unknown>>>;
export type Values<O extends Options> = { readonly [name in keyof O]: O[name] extends Option<infer T> ? T : never };

/** Declares an option: `batch: option(kinds.positive, 16, "Passages per step.")`. */
export function option<T>(schema: z.ZodType<T>, value: NoInfer<T>, help: string, short?: string): Option<T> {
  return { schema, default: value, help, short };
}

/** Schemas that several commands use. Each reads the text of a flag or variable. A message of their own says what the value must be. */
export const kinds = {
  text: z.string().min(1),
  count: z.coerce.number().int().min(0),
  positive: z.coerce.number().int().positive(),
  number: z.coerce.number(),
  port: z.coerce.number().int().min(0).max(65535),
  /** Set by its presence on the command line; true, 1, false or 0 in the environment. */
  flag: z.union(
    [z.boolean(), z.enum(["true", "1", "false", "0"]).transform((text) => text === "true" || text === "1")],
    "must be true, 1, false or 0",
  ) as z.ZodType<boolean>,
  /** Words after the flag, separated by spaces or commas. The flag may be repeated. */
  list: z
    .union([z.string(), z.array(z.string())])
    .transform((words) => [words].flat().flatMap((word) => word.split(",")))
    .refine((words) => words.every((word) => word !== ""), "must be names, none of them empty") as unknown as z.ZodType<readonly string[]>,
  /** "120", "120s", "2m" or "1h", in seconds. */
  duration: z
    .string()
    .regex(/^\d+(\.\d+)?[smh]?$/, "must be a duration such as 90, 90s, 2m or 1h")
    .transform((text) => Number.parseFloat(text) * ({ s: 1, m: 60, h: 3600 }[text.at(-1)!] ?? 1)) as unknown as z.ZodType<number>,
} as const;

/** `maxLength` -> `--max-length` */
export function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `train`, `maxLength` -> `READABILITY_TRAIN_MAX_LENGTH` */
export function variableName(command: string, name: string): string {
  return `READABILITY_${command}_${name.replace(/[A-Z]/g, (letter) => `_${letter}`)}`.toUpperCase();
}

/**
 * Reads the options of a command: a flag takes precedence over its environment variable, and that over the default.
 * @param positionals names of the arguments without a flag, such as `["file"]`; their values are returned as `arguments`
 * @throws usage for an unknown flag or an invalid value
 */
export function parseOptions<O extends Options>(
  command: string,
  options: O,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  positionals: readonly string[] = [],
): Values<O> & { readonly arguments: readonly string[] } {
  const program = describeCommand(command, options, positionals);
  const usage = (problem: string) => fail("usage", { problem, help: `${invocation(command)} --help` });
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode !== 0) usage(error.message.replace(/^error: /, "").replaceAll("\n", " "));
    throw error;
  }
  const given = program.opts<Record<string, unknown>>();
  const values: Record<string, unknown> = { arguments: program.args };
  for (const [name, option] of Object.entries(options)) {
    const variable = variableName(command, name);
    const [text, source] =
      name in given ? [given[name], flagName(name)] : env[variable] ? [env[variable], variable] : [undefined, undefined];
    if (source === undefined) {
      values[name] = option.default;
      continue;
    }
    const parsed = option.schema.safeParse(text);
    if (!parsed.success) usage(describeIssues(parsed.error, [text].flat().join(" "), source));
    values[name] = parsed.data;
  }
  return values as Values<O> & { arguments: readonly string[] };
}

/** The words that start a command. Those of bench/ are scripts. */
const invocation = (command: string): string => {
  const script = /^bench_(.+)$/.exec(command)?.[1];
  return script === undefined ? `readability ${command}` : `node dist/bench/${script}.js`;
};

/** The commander program of a command, which prints its help too. */
function describeCommand(command: string, options: Options, positionals: readonly string[]): Command {
  const program = new Command(invocation(command)).exitOverride().configureOutput({ writeErr: () => {} });
  for (const name of positionals) program.argument(name);
  for (const [name, option] of Object.entries(options)) {
    const shown = option.default === undefined || isFlag(option) || isList(option) ? "" : ` Default: ${JSON.stringify(option.default)}.`;
    program.addOption(new Flag(describeFlag(name, option), `${option.help}${shown} [${variableName(command, name)}]`));
  }
  return program;
}

const isFlag = (option: Option<unknown>): boolean => option.schema === (kinds.flag as unknown);

const isList = (option: Option<unknown>): boolean => option.schema === (kinds.list as unknown);

/** An option on the command line: `-u, --users <value>`, or `--no-gate` for a flag that is on by default. */
export function describeFlag(name: string, option: Option<unknown>): string {
  const long = isFlag(option) && option.default === true ? flagName(name).replace("--", "--no-") : flagName(name);
  return `${option.short ? `-${option.short}, ` : ""}${long}${isFlag(option) ? "" : isList(option) ? " <value...>" : " <value>"}`;
}
