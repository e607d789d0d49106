import { existsSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describeFlag, type Options, parseOptions, variableName } from "../../lib/cli/options.js";
import { compiled, shipped } from "../../lib/system/package-files.js";
import { options } from "./options.js";

const services = ["train", "optimization", "inference", "api", "load_testing"];

/** Prints docs/options.md, made from the option tables themselves. */
export async function main(argv: readonly string[]): Promise<number> {
  parseOptions("docs", options, argv);
  process.stdout.write(await describeAll());
  return 0;
}

/** The page of all options; a command is a folder of services/ or commands/ with a table options.ts. */
async function describeAll(): Promise<string> {
  const commands = readdirSync(shipped("dist/commands"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const tables = [...services.map((name) => [name, `services/${name}`]), ...commands.map(({ name }) => [name, `commands/${name}`]).sort()];
  const sections: string[] = [];
  for (const [name, folder] of tables as [string, string][]) {
    const file = compiled(`${folder}/options`);
    if (!existsSync(file)) continue;
    const { options } = (await import(pathToFileURL(file).href)) as { options: Options };
    if (Object.keys(options).length > 0) sections.push(describeTable(name, options));
  }
  return `${[introduction, ...sections].join("\n\n")}\n`;
}

const introduction = `# Options

Every option is a flag and an environment variable; the flag comes before the variable, the variable before the default.
This page is made from the same tables as \`--help\`: \`readability docs > docs/options.md\`.`;

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
