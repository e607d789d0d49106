import { existsSync } from "node:fs";
import { join } from "node:path";
import pRetry, { type RetryContext } from "p-retry";
import { isServiceLink } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import { fail, ReadabilityError } from "../../lib/errors/errors.js";
import { isBuilt, markBuilt, markStarted } from "../../lib/storage/build-stamp.js";
import { hashPath, hashValue } from "../../lib/storage/hash.js";
import { withLock } from "../../lib/storage/lock.js";
import { describeMachine } from "../../lib/system/machine.js";
import { producer } from "../../lib/system/producer.js";
import { passColumns } from "./arguments.js";
import type { Settings } from "./options.js";

export interface Builder {
  readonly settings: Settings;
  /** File of labelled passages, if there is one. */
  readonly data: string | undefined;
  readonly releasedModel: string;
  /** Runs a service to its end. @throws service-failed, service-usage */
  readonly run: (service: string, args: readonly string[]) => Promise<void>;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Seconds for a folder that another process writes into. */
const longestLock = 15;

/** The checkpoint to serve: the one named, else the one trained here, else the released one. */
export async function provideModel(builder: Builder): Promise<string> {
  const { settings, data, releasedModel, say } = builder;
  const trained = join(settings.artifacts, "model");
  if (settings.model !== undefined || data === undefined) {
    const why = `as neither ${places.data} nor ${places.unzippedData} exists; using the released model ${releasedModel}`;
    say(`train: skipped${settings.model === undefined ? `, ${why}` : `; using ${settings.model}`}`);
    if (settings.train.length > 0) say(`train: ignoring ${settings.train.join(" ")}`);
    return settings.model ?? releasedModel;
  }
  if (settings.only === "optimization") return existsSync(join(trained, "config.json")) ? trained : releasedModel;
  await build(builder, "train", ["--data", data, "--out", trained, ...settings.train], trained, {
    data: await hashPath(data),
    arguments: await describeArguments(settings.train),
  });
  return trained;
}

/** The model repository, built from the checkpoint for this machine. */
export async function provideRepository(builder: Builder, model: string): Promise<string> {
  const { settings, data } = builder;
  const repository = join(settings.artifacts, "repository");
  const remedy = "Add labelled passages to train one, or choose a checkpoint with --model.";
  if (!existsSync(model)) fail("no-file", { file: model, what: "a checkpoint", remedy });
  const { cpu, cores } = describeMachine();
  const passed = [...(data === undefined ? [] : passColumns(settings.train, "optimization")), ...settings.optimization];
  const args = ["--model", model, ...(data === undefined ? [] : ["--data", data]), "--out", repository, ...passed];
  const inputs = {
    ...{ model: await hashPath(model), data: data === undefined ? "" : await hashPath(data), cpu, cores },
    ...(passed.length === 0 ? {} : { arguments: await describeArguments(passed) }),
  };
  await build(builder, "optimization", args, repository, inputs);
  return repository;
}

/** Runs a service that builds a folder, unless the folder already holds its output for the same inputs. */
async function build({ run, say, signal }: Builder, service: string, args: readonly string[], out: string, inputs: object): Promise<void> {
  await waitForLock(out, say, signal);
  const prefix = `READABILITY_${service.toUpperCase()}_`;
  const variables = Object.entries(process.env).filter(([name, value]) => name.startsWith(prefix) && !isServiceLink(name, value!));
  const fingerprint = hashValue({ producer, ...inputs, variables: variables.sort() });
  if (await isBuilt(out, fingerprint)) return say(`${service}: up to date (${out})`);
  // On another machine training would refuse to resume, as it could not reach the same weights.
  const unfinished = markStarted(out, hashValue({ fingerprint, machine: describeMachine() }));
  if (unfinished) say(`${service}: ${out} is incomplete`);
  await run(service, unfinished && service === "train" ? [...args, "--resume"] : args);
  await markBuilt(out, fingerprint);
}

/** Waits some seconds for a process that writes into the folder, such as one left by a killed `up`. The service fails if it does not end. */
async function waitForLock(folder: string, say: Builder["say"], signal: AbortSignal): Promise<void> {
  const shouldRetry = ({ error, attemptNumber }: RetryContext) => {
    const locked = error instanceof ReadabilityError && error.code === "in-use";
    if (locked && attemptNumber === 1) say(`waiting up to ${longestLock} s for another process that is writing to ${folder}`);
    return locked;
  };
  const pauses = { factor: 1, minTimeout: 250, retries: 4 * longestLock };
  await pRetry(() => withLock(folder, async () => {}), { ...pauses, shouldRetry, signal }).catch(() => signal.throwIfAborted());
}

/** Arguments, with files and folders by their content. --resume and --resume-anyway do not count: they reach the same end. */
function describeArguments(args: readonly string[]): Promise<string[]> {
  const words = args.filter((argument) => !/^--resume(-anyway)?$/.test(argument)).flatMap((argument) => argument.split(/[=,]/));
  return Promise.all(words.map(async (word) => (existsSync(word) ? hashPath(word) : word)));
}
