import { join } from "node:path";
import { findData } from "../../lib/cli/paths.js";
import { reason } from "../../lib/errors/errors.js";
import { isAnswering, waitForAnswer } from "../../lib/http/wait.js";
import { checkFile, checkFolder, checkPlace } from "../../lib/storage/files.js";
import { createSupervisor, type HealthCheck, type SupervisorOptions } from "../../lib/system/supervisor.js";
import { passColumns } from "./arguments.js";
import { type Builder, provideModel, provideRepository } from "./build.js";
import type { Settings } from "./options.js";
import { checkPorts } from "./ports.js";
import type { Print } from "./print.js";

export interface World extends Pick<SupervisorOptions, "signal" | "restarts"> {
  /** A server that does not answer within `limit` seconds, `failures` times in a row and `every` so many seconds, is hung: it restarts. */
  readonly health: Pick<HealthCheck, "every" | "failures"> & { readonly limit: number };
  readonly print: Print;
  /** The command that starts a service. */
  readonly launch: (service: string, args: readonly string[]) => readonly string[];
  /** Aborts when the services are to be killed. */
  readonly kill: AbortSignal;
  /** The checkpoint to use if none is trained. */
  readonly releasedModel: string;
}

/**
 * Builds what is missing or outdated, serves it, runs a short load test, and keeps serving until the signal aborts.
 * @returns the exit code: 0 if every step succeeded
 */
export async function runUp(settings: Settings, world: World): Promise<number> {
  const { port, inferencePort, metricsPort, loadUsers, loadTime, only } = settings;
  const say = (line: string) => world.print("up", line);
  const data = settings.data ?? findData();
  if (data !== undefined) checkFile(data, "labelled passages", "Choose another file, or leave out --data to skip training.");
  if (settings.model !== undefined) checkFolder(settings.model, "a checkpoint", "Choose one with --model, or leave it out.");
  checkPlace(settings.artifacts, "a folder");
  if (only === undefined)
    await checkPorts([
      { port, service: "api", flag: "--port" },
      { port: inferencePort, service: "inference", flag: "--inference-port" },
      { port: metricsPort, service: "inference", flag: "--metrics-port" },
    ]);

  const supervisor = createSupervisor({ ...settings, ...world });
  const run = (service: string, args: readonly string[]) => supervisor.run(service, world.launch(service, args));
  const keep = (service: string, args: readonly string[], url: string, live: string) => {
    const remedy = "See its output above; a slow machine may need a longer --start-timeout.";
    const waitUntilReady = (signal: AbortSignal) => waitForAnswer(url, settings.startTimeout, remedy, signal);
    const health = { ...world.health, isAlive: () => isAnswering(live, world.health.limit) };
    return supervisor.keep(service, world.launch(service, args), { waitUntilReady, health });
  };
  const builder: Builder = { settings, data, releasedModel: world.releasedModel, run, say, signal: world.signal };
  world.kill.addEventListener("abort", () => void supervisor.stop(0));
  let code = 1;
  try {
    const model = await provideModel(builder);
    if (only === "train") return 0;
    const repository = await provideRepository(builder, model);
    if (only === "optimization") return 0;

    const inference = `http://127.0.0.1:${inferencePort}`;
    const inferencePorts = ["--port", String(inferencePort), "--metrics-port", String(metricsPort)];
    await keep("inference", ["--repository", repository, ...inferencePorts], `${inference}/v2/health/ready`, `${inference}/v2/health/live`);
    const api = `http://127.0.0.1:${port}`;
    await keep("api", ["--repository", repository, "--inference", inference, "--port", String(port)], `${api}/ready`, `${api}/alive`);
    code = 0;
    if (loadUsers > 0 && loadTime > 0) code = await loadApi(builder, api);
    const shown = `http://localhost:${port}`;
    say(`ready at ${shown}. Try: curl -s ${shown}/predict -H 'content-type: application/json' -d '{"text": "Some text to score"}'`);
    return await supervisor.watch();
  } catch (error) {
    if (!world.signal.aborted) throw error;
    return code;
  } finally {
    await supervisor.stop();
  }
}

/** A failed load test is reported and leaves the api up. @returns the exit code */
async function loadApi({ settings, data, run, say }: Builder, api: string): Promise<number> {
  const load = ["-u", String(settings.loadUsers), "--run-time", String(settings.loadTime)];
  const out = join(settings.artifacts, "load_testing.json");
  const columns = passColumns(settings.train, "load_testing");
  try {
    await run("load_testing", ["--target", api, ...load, "--out", out, ...(data === undefined ? [] : ["--data", data, ...columns])]);
    return 0;
  } catch (error) {
    say(reason(error));
    return 1;
  }
}
