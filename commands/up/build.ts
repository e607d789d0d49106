import { existsSync } from "node:fs";
import { join } from "node:path";
import { places } from "../../lib/cli/paths.js";
import { fail } from "../../lib/errors/errors.js";
import { isBuilt, markBuilt, markStarted } from "../../lib/storage/build-stamp.js";
import { hashPath, hashValue } from "../../lib/storage/hash.js";
import { describeMachine } from "../../lib/system/machine.js";
import { producer } from "../../lib/system/producer.js";
import type { Crew } from "./crew.js";
import type { Settings } from "./run.js";

export interface Builder {
  readonly settings: Settings;
  /** Graded passages, where there are any. */
  readonly data: string | undefined;
  readonly releasedModel: string;
  readonly crew: Crew;
  readonly say: (line: string) => void;
}

/** The checkpoint to go on with: the one named, the one trained here, else the released one. */
export async function provideModel(builder: Builder): Promise<string> {
  const { settings, data, releasedModel, say } = builder;
  const trained = join(settings.artifacts, "model");
  if (settings.model !== undefined) {
    say(`train: left out, going on with ${settings.model}`);
    return settings.model;
  }
  if (data === undefined) {
    say(`train: left out, there is no data file ${places.data}; going on with the released model ${releasedModel}`);
    if (settings.train.length > 0) say(`train: left out with it: ${settings.train.join(" ")}`);
    return releasedModel;
  }
  if (settings.only === "optimization") return existsSync(join(trained, "config.json")) ? trained : releasedModel;
  await build(builder, "train", ["--data", data, "--out", trained, ...settings.train], trained, {
    data: await hashPath(data),
    arguments: await describeArguments(settings.train),
  });
  return trained;
}

/** The model repository, made from the checkpoint for this machine. */
export async function provideRepository(builder: Builder, model: string): Promise<string> {
  const { settings, data } = builder;
  const repository = join(settings.artifacts, "repository");
  const remedy = "Place graded passages to train one, or name a checkpoint with --model.";
  if (!existsSync(model)) fail("no-file", { file: model, what: "a checkpoint", remedy });
  const { cpu, cores } = describeMachine();
  const args = ["--model", model, ...(data === undefined ? [] : ["--data", data]), "--out", repository];
  const inputs = { model: await hashPath(model), data: data === undefined ? "" : await hashPath(data), cpu, cores };
  await build(builder, "optimization", args, repository, inputs);
  return repository;
}

/** Runs a service that builds a folder, unless the folder is what it built from the same inputs before. */
async function build({ crew, say }: Builder, service: string, args: readonly string[], out: string, inputs: object): Promise<void> {
  const variables = Object.entries(process.env).filter(([name]) => name.startsWith(`READABILITY_${service.toUpperCase()}_`));
  const fingerprint = hashValue({ producer, ...inputs, variables: variables.sort() });
  if (await isBuilt(out, fingerprint)) return say(`${service}: up to date (${out})`);
  // On another machine training would refuse to go on, as it could not end in the same weights.
  const unfinished = markStarted(out, hashValue({ fingerprint, machine: describeMachine() }));
  if (unfinished) say(`${service}: ${out} is unfinished`);
  await crew.run(service, unfinished && service === "train" ? [...args, "--resume"] : args);
  await markBuilt(out, fingerprint);
}

/** Arguments of which those that name a file or folder count by its content; --resume only says how to get to the same end. */
function describeArguments(args: readonly string[]): Promise<string[]> {
  const words = args.filter((argument) => argument !== "--resume").flatMap((argument) => argument.split(/[=,]/));
  return Promise.all(words.map(async (word) => (existsSync(word) ? hashPath(word) : word)));
}
