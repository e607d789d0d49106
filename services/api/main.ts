import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { countCores } from "../../lib/cores.js";
import { ReadabilityError } from "../../lib/errors.js";
import { listen } from "../../lib/listen.js";
import { createLog } from "../../lib/log.js";
import { type Model, openRepository } from "../../lib/model.js";
import { parseOptions, type Values } from "../../lib/options.js";
import { connectServer, type ServerModel } from "../../lib/protocol/client.js";
import { readNewestVersion } from "../../lib/repository.js";
import { abortOnSignals } from "../../lib/signals.js";
import { loadTokenizer } from "../../lib/text/tokenizer.js";
import { buildApp } from "./app.js";
import { options } from "./options.js";

type Settings = Values<typeof options>;

const secondsBetweenLooks = 0.5;

/** Serves until it is told to stop; answers then what it has accepted. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("api", options, argv);
  const log = createLog("api");
  const stopped = abortOnSignals();
  const remote = settings.inference === undefined ? undefined : connect(settings, settings.inference);
  const model = remote ?? (await openRepository(settings.repository, { log }));
  const concurrency = settings.concurrency || (settings.inference === undefined ? 2 * countCores() : 64);
  const app = buildApp({ ...settings, ...model, concurrency, log });
  try {
    const address = await listen(app, settings);
    if (remote && !(await isReady(remote.scorer))) {
      const state = (await remote.scorer.live()) ? "has not loaded the model yet" : "does not answer yet";
      log.warn(`${address} is up; the inference server at ${settings.inference} ${state}`);
    }
    if (!remote || (await waitUntilReady(remote.scorer, stopped))) log.info(`ready: ${model.name} at ${address}`);
    if (!stopped.aborted) await once(stopped, "abort");
    log.info("stopping once the accepted requests are answered");
  } finally {
    await app.close();
    await model.scorer.close();
  }
  return 0;
}

function connect({ repository, timeout }: Settings, server: string): Model & { readonly scorer: ServerModel } {
  const { model, version, folder, metadata } = readNewestVersion(repository);
  return {
    scorer: connectServer(server, model, { version, timeout, buckets: metadata.length_buckets, padId: metadata.pad_token_id }),
    tokenizer: loadTokenizer(folder),
    maxLength: metadata.max_length,
    name: `${model}, version ${version}`,
  };
}

/** @returns false where the service is stopped before */
async function waitUntilReady(server: ServerModel, stopped: AbortSignal): Promise<boolean> {
  while (!stopped.aborted) {
    if (await isReady(server)) return true;
    await sleep(secondsBetweenLooks * 1000);
  }
  return false;
}

/** @throws other-model where it never will be */
async function isReady(server: ServerModel): Promise<boolean> {
  try {
    if (!(await server.ready())) return false;
    await server.check();
    return true;
  } catch (error) {
    if (error instanceof ReadabilityError && error.code === "other-model") throw error;
    return false; // it went away meanwhile
  }
}
