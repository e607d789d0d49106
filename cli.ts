import { type Main, runMain } from "./lib/cli/run-main.js";
import { endWithParent } from "./lib/system/child.js";

endWithParent();

/** Every subcommand, loaded only when called. */
const commands: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<{ readonly main: Main }> }>> = {
  train: { summary: "fine-tune a BERT-family regressor on labelled passages", load: () => import("./services/train/main.js") },
  optimization: {
    summary: "turn a checkpoint into the fastest accurate model repository",
    load: () => import("./services/optimization/main.js"),
  },
  inference: { summary: "serve a model repository over the Open Inference Protocol", load: () => import("./services/inference/main.js") },
  api: { summary: "serve POST /predict", load: () => import("./services/api/main.js") },
  load_testing: { summary: "load-test an api with many users", load: () => import("./services/load_testing/main.js") },
  up: { summary: "run all five in order and keep the api running", load: () => import("./commands/up/main.js") },
  score: { summary: "score texts from a file or standard input", load: () => import("./commands/score/main.js") },
  release: { summary: "for maintainers: make a released model from a checkpoint", load: () => import("./commands/release/main.js") },
  docs: { summary: "print the options of every command, in Markdown", load: () => import("./commands/docs/main.js") },
};

const run: Main = async ([name, ...argv]) => {
  const command = name === undefined ? undefined : commands[name];
  if (command) return (await command.load()).main(argv);
  const asked = name === undefined || name === "--help" || name === "help" || name === "-h";
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  const text = [
    "Usage: readability <command> [options]",
    "",
    ...lines,
    "",
    "readability <command> --help lists the options of a command.",
  ].join("\n");
  if (asked) process.stdout.write(`${text}\n`);
  else process.stderr.write(`There is no command ${JSON.stringify(name)}.\n${text}\n`);
  return asked ? 0 : 2;
};

await runMain(run);
