import { type Main, runMain } from "./lib/cli/run-main.js";
import { endWithParent } from "./lib/system/child.js";
import { producer } from "./lib/system/producer.js";

endWithParent();

/** Every command with its summary; its code is loaded only when it runs. */
const commands: Readonly<Record<string, readonly [summary: string, load: () => Promise<{ readonly main: Main }>]>> = {
  train: ["fine-tune a BERT-family regressor on labelled passages", () => import("./services/train/main.js")],
  optimization: ["turn a checkpoint into the fastest accurate model repository", () => import("./services/optimization/main.js")],
  inference: ["serve a model repository over the Open Inference Protocol", () => import("./services/inference/main.js")],
  api: ["answer POST /predict", () => import("./services/api/main.js")],
  load_testing: ["load-test an api with many users", () => import("./services/load_testing/main.js")],
  up: ["run all five in order and keep the api running", () => import("./commands/up/main.js")],
  score: ["score texts from a file or standard input", () => import("./commands/score/main.js")],
  release: ["for maintainers: make a released model from a checkpoint", () => import("./commands/release/main.js")],
  docs: ["print every option of every command as Markdown", () => import("./commands/docs/main.js")],
};

const help = `Usage: readability <command> [options]

${Object.entries(commands).map(([name, [summary]]) => `  ${name.padEnd(14)}${summary}\n`).join("")}
  -V, --version print the version
  -h, --help    print this help

Run readability <command> --help for the options of a command.
`; // biome-ignore format: as it is printed

const run: Main = async ([name = "--help", ...argv]) => {
  if (Object.hasOwn(commands, name)) return (await commands[name]![1]()).main(argv);
  const answer = ["--version", "-V"].includes(name) ? `${producer.version}\n` : ["--help", "-h", "help"].includes(name) ? help : undefined;
  if (answer === undefined) process.stderr.write(`Unknown command ${JSON.stringify(name)}.\n\n${help}`);
  else process.stdout.write(answer);
  return answer === undefined ? 2 : 0;
};

await runMain(run);
