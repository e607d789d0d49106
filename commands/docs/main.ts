import { readdirSync } from "node:fs";
import { logLevels } from "../../lib/cli/log.js";
import { describeFlag, type Options, parseOptions, variableName } from "../../lib/cli/options.js";
import { loadOptions } from "../../lib/cli/tables.js";
import { shipped } from "../../lib/system/package-files.js";
import { options } from "./options.js";

/** Prints docs/options.md, made from the option tables. */
export async function main(argv: readonly string[]): Promise<number> {
  parseOptions("docs", options, argv);
  process.stdout.write(`${[introduction, ...(await describeCommands())].join("\n\n")}\n`);
  return 0;
}

const introduction = `# Options

Set an option with its flag or its environment variable. A flag takes precedence over a variable, and a variable over the default.
Two more variables apply to every command: READABILITY_LOG_LEVEL (${logLevels.join(", ")}; default info) and
READABILITY_LOG_FORMAT (json for JSON lines).
This page is made from the same tables as \`--help\`: \`readability docs > docs/options.md\`.`;

/** A section for each command with options: the services in the order they run, then the others. */
async function describeCommands(): Promise<readonly string[]> {
  const services = ["train", "optimization", "inference", "api", "load_testing"].map((name) => ["services", name] as const);
  const commands = readdirSync(shipped("dist/commands")).sort().map((name) => ["commands", name] as const); // biome-ignore format: one line
  const sections: string[] = [];
  for (const [folder, name] of [...services, ...commands]) {
    const options = await loadOptions(folder, name);
    if (Object.keys(options).length > 0) sections.push(describeTable(name, options));
  }
  return sections;
}

function describeTable(command: string, options: Options): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const cells = [describeFlag(name, option), variableName(command, name), describeDefault(option.default)];
    return `| ${[...cells.map((cell) => (cell === "" ? "" : `\`${cell}\``)), option.help].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return [`## readability ${command}`, "", "| flag | variable | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function describeDefault(value: unknown): string {
  if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
