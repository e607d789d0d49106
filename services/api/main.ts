import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { createLog, type Log } from "../../lib/cli/log.js";
import { parseOptions, type Values } from "../../lib/cli/options.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { readAddress } from "../../lib/http/address.js";
import { listen } from "../../lib/http/listen.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { poll } from "../../lib/system/poll.js";
import { buildApp } from "./app.js";
import { openKeys } from "./keys.js";
import { options } from "./options.js";
import { connectSource, type ModelSource, openSource } from "./source.js";

const secondsBetweenPolls = 0.5;
/** Seconds between looks at the file of keys. */
const secondsBetweenReads = 2;
/** Requests sent to an inference server at the same time, by default. */
const usualConcurrency = 64;

/** Serves until it is told to stop, and then answers the requests that it has accepted. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("api", options, argv);
  const log = createLog("api");
  const stopped = abortOnSignals();
  const { inference, repositoryPollSecs } = settings;
  const source = await open(settings, log, stopped).catch((error) => {
    if (!stopped.aborted) throw error;
  });
  if (!source) return 0;
  const keys = settings.keys === undefined ? undefined : openKeys(settings.keys, log);
  const width = settings.concurrency || (inference === undefined ? Infinity : usualConcurrency);
  const scheduler = createScheduler({ width, maxRequests: settings.queueLimit });
  const app = buildApp({ ...settings, keys, source, scheduler, stopping: stopped, log });
  const stopPolling = repositoryPollSecs > 0 ? poll(repositoryPollSecs, source.poll) : undefined;
  const stopReading = keys && poll(secondsBetweenReads, keys.poll);
  try {
    const address = await listen(app, settings);
    if (!(await source.ready())) {
      const state = (await source.live()) ? "has not loaded the model yet" : "does not respond yet";
      log.warn(`${address} is listening; the inference server at ${inference && readAddress(inference).shown} ${state}`);
    }
    if (await waitUntilReady(source, stopped)) log.info(`ready: ${source.current.name} at ${address}`);
    if (!stopped.aborted) await once(stopped, "abort");
    await sleep(1000 * settings.shutdownDelay);
    log.info("stopping after the accepted requests");
  } finally {
    await Promise.all([stopPolling?.(), stopReading?.(), app.close()]);
    await source.close();
  }
  return 0;
}

const open = ({ inference, ...settings }: Values<typeof options>, log: Log, signal: AbortSignal): Promise<ModelSource> =>
  inference === undefined ? openSource({ ...settings, log, signal }) : connectSource({ ...settings, log }, inference);

/** @returns false if the service is stopped before */
async function waitUntilReady(source: ModelSource, stopped: AbortSignal): Promise<boolean> {
  while (!stopped.aborted) {
    if (await source.ready()) return true;
    await sleep(secondsBetweenPolls * 1000);
    await source.poll(); // the server may serve another version
  }
  return false;
}
