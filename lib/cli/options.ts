import { Command, CommanderError, Option as Flag } from "commander";
import { z } from "zod";
import { describeIssues } from "../errors/describe-issues.js";
import { fail, reason } from "../errors/errors.js";

/** An option: its schema, its default and its help text. Its flag and its environment variable follow from its name. */
export interface Option<T> {
  readonly schema: z.ZodType<T>;
  readonly default: T;
  readonly help: string;
  /** One-letter flag. */
  readonly short: string | undefined;
  /** What follows its flag: nothing, one word, or several. */
  readonly takes: "nothing" | "value" | "list";
}

export type Options = Readonly<Record<string, Option<unknown>>>;
export type Values<O extends Options> = { readonly [name in keyof O]: O[name] extends Option<infer T> ? T : never };

/** Declares an option: `batch: option(kinds.positive, 16, "Passages per step.")`. */
export function option<T>(schema: z.ZodType<T>, value: NoInfer<T>, help: string, short?: string): Option<T> {
  const takes = schema === (kinds.flag as unknown) ? "nothing" : schema === (kinds.list as unknown) ? "list" : "value";
  return { schema, default: value, help, short, takes };
}

/** 24 days, in milliseconds. Node's timers end at 2^31 - 1, a little less than 25 days; a longer one would fire at once. */
const longestDuration = 24 * 24 * 3_600_000;

const decimal = String.raw`(\d+\.?\d*|\.\d+)`;
const bareDuration = new RegExp(`^${decimal}$`);
const unitsDuration = new RegExp(`^(?=.)(?:${decimal}h)?(?:${decimal}m(?!s))?(?:${decimal}s)?(?:${decimal}ms)?$`);

/** Reads "90s", "2m", "1m30s", "600ms", or a bare number of units. @returns units; undefined if it is none @param size of the unit, in milliseconds */
function readDuration(text: string, size: number): number | undefined {
  if (bareDuration.test(text)) return Number(text);
  const [, h, m, s, ms] = unitsDuration.exec(text)?.map((part) => Number(part ?? 0)) ?? [];
  return ms === undefined ? undefined : (3_600_000 * h! + 60_000 * m! + 1000 * s! + ms) / size;
}

/** @param size of the unit, in milliseconds */
function duration(size: number, example: string): z.ZodType<number> {
  return z.string().transform((text, { issues }) => {
    const value = readDuration(text, size);
    if (value === undefined)
      issues.push({ code: "custom", message: `must be a duration such as ${example}, 90s, 1m30s or 2h`, input: text });
    else if (value * size > longestDuration) issues.push({ code: "custom", message: "must be at most 576h (24 days)", input: text });
    return value;
  }) as unknown as z.ZodType<number>;
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
  /** In seconds. Every option that feeds a timer is of this kind or the next. */
  duration: duration(1000, "90"),
  milliseconds: duration(1, "30000").refine((value) => value > 0, "must be more than 0"),
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
    const [, flag] = /unknown option '(--[^']+?)=/.exec(reason(error)) ?? [];
    if (flag !== undefined) return parseOptions(command, options, [flag]); // commander suggests a flag only for one without a value
    if (error instanceof CommanderError && error.exitCode !== 0) usage(error.message.replace(/^error: /, "").replaceAll("\n", " "));
    throw error;
  }
  const given = program.opts<Record<string, unknown>>();
  const values: Record<string, unknown> = { arguments: program.args };
  for (const [name, option] of Object.entries(options)) {
    const variable = variableName(command, name);
    const source = name in given ? flagName(name) : variable;
    const text = name in given ? given[name] : readVariable(env, variable);
    if (text === undefined) {
      values[name] = option.default;
      continue;
    }
    const parsed = option.schema.safeParse(text);
    if (!parsed.success) usage(describeIssues(parsed.error, hidePassword([text].flat().join(" ")), source));
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
    const shown = option.default === undefined || option.takes !== "value" ? "" : ` Default: ${JSON.stringify(option.default)}.`;
    program.addOption(new Flag(describeFlag(name, option), `${option.help}${shown} [${variableName(command, name)}]`));
  }
  return program;
}

/** An option on the command line: `-u, --users <value>`, or `--no-gate` for a flag that is on by default. */
export function describeFlag(name: string, { short, takes, default: value }: Option<unknown>): string {
  const long = takes === "nothing" && value === true ? flagName(name).replace("--", "--no-") : flagName(name);
  return `${short ? `-${short}, ` : ""}${long}${{ nothing: "", value: " <value>", list: " <value...>" }[takes]}`;
}

/**
 * Whether Kubernetes set this variable for a Service: one named readability-api gives every pod READABILITY_API_PORT=tcp://10.0.0.1:5000,
 * READABILITY_API_SERVICE_HOST and more. They are no settings.
 */
export function isServiceLink(variable: string, value: string): boolean {
  return (
    (variable.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(value)) ||
    /_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$/.test(variable)
  );
}

const told = new Set<string>();

/** The value of a variable; undefined if it is not set, is empty or is a service link, which is said once. */
function readVariable(env: NodeJS.ProcessEnv, variable: string): string | undefined {
  const value = env[variable];
  if (!value) return undefined;
  if (!isServiceLink(variable, value)) return value;
  const note = `note: ignoring ${variable}=${value}, which Kubernetes sets for a Service of that name\n`;
  if (!told.has(variable)) process.stderr.write(note);
  told.add(variable);
  return undefined;
}

/** Hides the password of an address. */
const hidePassword = (text: string): string => text.replace(/\/\/[^/?#\s]*@/g, "//***@");
