import { once } from "node:events";
import { openVersion } from "../../lib/engine/version.js";
import { listen } from "../../lib/listen.js";
import { createLog, type Log } from "../../lib/log.js";
import { parseOptions, type Values } from "../../lib/options.js";
import { listModels, readNewestVersion } from "../../lib/repository.js";
import { abortOnSignals } from "../../lib/signals.js";
import { buildApp } from "./app.js";
import { buildMetrics } from "./metrics.js";
import { options } from "./options.js";
import { type Served, serveEngine } from "./served.js";

type Settings = Values<typeof options>;

/** Serves until it is told to stop; answers then what it has accepted. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("inference", options, argv);
  const { host, metricsPort } = settings;
  const log = createLog("inference");
  const stopped = abortOnSignals();
  const models: Served[] = [];
  try {
    await openModels(settings, log, models);
    const app = buildApp({ ...settings, models, log });
    const metrics = buildMetrics(models);
    try {
      const metricsAddress = await listen(metrics, { host, port: metricsPort });
      log.info(`ready: ${await listen(app, settings)} (metrics: ${metricsAddress}/metrics)`);
      if (!stopped.aborted) await once(stopped, "abort");
      log.info("stopping once the accepted requests are answered");
    } finally {
      await app.close();
      await metrics.close();
    }
  } finally {
    await Promise.all(models.map(({ engine }) => engine.close()));
  }
  return 0;
}

/** Loads the newest version of every model into `models`. */
async function openModels({ repository, sessions, queueLimit }: Settings, log: Log, models: Served[]): Promise<void> {
  const versions = [
    readNewestVersion(repository),
    ...listModels(repository)
      .slice(1)
      .map((model) => readNewestVersion(repository, model)),
  ];
  for (const version of versions) {
    const engine = await openVersion(version, { sessions, queueLimit, log });
    models.push(serveEngine(version.model, version.version, engine));
    log.info(`${version.model}, version ${version.version}: ${engine.graph} in ${engine.stats.sessions} sessions`);
  }
}
