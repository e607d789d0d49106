import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { createLog, type Log } from "../../lib/cli/log.js";
import { parseOptions, type Values } from "../../lib/cli/options.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { listen } from "../../lib/http/listen.js";
import { checkVersion } from "../../lib/serving/check-version.js";
import { openVersion } from "../../lib/serving/open-version.js";
import { poll } from "../../lib/system/poll.js";
import { buildApp } from "./app.js";
import { buildMetrics } from "./metrics.js";
import { type Models, openModels } from "./models.js";
import { options } from "./options.js";
import { serveEngine } from "./served.js";

type Settings = Values<typeof options>;

/** Serves until it is told to stop, and then answers the requests that it has accepted. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("inference", options, argv);
  const { host, metricsPort } = settings;
  const log = createLog("inference");
  const stopped = abortOnSignals();
  const models = await open(settings, log, stopped).catch((error) => {
    if (!stopped.aborted) throw error;
  });
  if (!models) return 0;
  const stopPolling = settings.modelControlMode === "poll" ? poll(settings.repositoryPollSecs, models.poll) : undefined;
  try {
    const app = buildApp({ ...settings, models, stopping: stopped, log });
    const metrics = buildMetrics(models, settings);
    try {
      const metricsAddress = await listen(metrics, { host, port: metricsPort });
      log.info(`ready: ${await listen(app, settings)} (metrics: ${metricsAddress}/metrics)`);
      if (!stopped.aborted) await once(stopped, "abort");
      await sleep(1000 * settings.shutdownDelay);
      log.info("stopping after the accepted requests");
    } finally {
      await Promise.all([stopPolling?.(), app.close()]);
      await metrics.close();
    }
  } finally {
    await models.close();
  }
  return 0;
}

function open({ repository, modelControlMode, sessions, queueLimit }: Settings, log: Log, signal: AbortSignal): Promise<Models> {
  return openModels({
    repository,
    mode: modelControlMode,
    log,
    async open(version) {
      await checkVersion(version, { signal });
      const engine = await openVersion(version, { workers: sessions, log });
      log.info(`${version.model}, version ${version.version}: ${engine.graph}, workers: ${engine.workers}`);
      return serveEngine(version.model, version.version, engine, queueLimit, version.metadata);
    },
  });
}
