import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Values } from "../../lib/cli/options.js";
import { findData } from "../../lib/cli/paths.js";
import { fail, reason } from "../../lib/errors/errors.js";
import { type Builder, provideModel, provideRepository } from "./build.js";
import { type CrewOptions, createCrew } from "./crew.js";
import type { options } from "./options.js";
import { checkPorts } from "./ports.js";

export type Settings = Values<typeof options> & {
  /** Arguments that go to train as they are. */
  readonly train: readonly string[];
};

export interface World extends Pick<CrewOptions, "launch" | "print" | "signal" | "restarts"> {
  /** Aborts when the services are no longer to be waited for. */
  readonly kill: AbortSignal;
  /** The checkpoint to go on with where none is trained. */
  readonly releasedModel: string;
}

/**
 * Builds what is not built, serves it, puts it under a short load, and keeps it served until the signal aborts.
 * @returns the exit code: 0 where all was done
 */
export async function runUp(settings: Settings, world: World): Promise<number> {
  const { port, inferencePort, metricsPort, loadUsers, loadTime, only } = settings;
  const say = (line: string) => world.print("up", line);
  if (only === undefined)
    await checkPorts([
      { port, service: "api", flag: "--port" },
      { port: inferencePort, service: "inference", flag: "--inference-port" },
      { port: metricsPort, service: "inference", flag: "--metrics-port" },
    ]);
  const data = settings.data ?? findData();
  const remedy = "Choose another file, or leave out --data to skip training.";
  if (data !== undefined && !existsSync(data)) fail("no-file", { file: data, what: "labelled passages", remedy });

  const crew = createCrew({ ...settings, ...world });
  const builder: Builder = { settings, data, releasedModel: world.releasedModel, crew, say };
  world.kill.addEventListener("abort", () => void crew.stop(0));
  let code = 1;
  try {
    const model = await provideModel(builder);
    if (only === "train") return 0;
    const repository = await provideRepository(builder, model);
    if (only === "optimization") return 0;

    const inference = `http://127.0.0.1:${inferencePort}`;
    const inferencePorts = ["--port", String(inferencePort), "--metrics-port", String(metricsPort)];
    await crew.keep("inference", ["--repository", repository, ...inferencePorts], `${inference}/v2/health/ready`);
    const api = `http://127.0.0.1:${port}`;
    await crew.keep("api", ["--repository", repository, "--inference", inference, "--port", String(port)], `${api}/ready`);
    code = 0;
    if (loadUsers > 0 && loadTime > 0) code = await loadApi(builder, api);
    const shown = `http://localhost:${port}`;
    say(`ready at ${shown}. Try: curl -s ${shown}/predict -H 'content-type: application/json' -d '{"text": "Some text to score"}'`);
    return await crew.watch();
  } catch (error) {
    if (!world.signal.aborted) throw error;
    return code;
  } finally {
    await crew.stop();
  }
}

/** A load test that fails is told, and leaves the api up. @returns the exit code */
async function loadApi({ settings, data, crew, say }: Builder, api: string): Promise<number> {
  const load = ["-u", String(settings.loadUsers), "--run-time", String(settings.loadTime)];
  const out = join(settings.artifacts, "load_testing.json");
  try {
    await crew.run("load_testing", ["--target", api, ...load, "--out", out, ...(data === undefined ? [] : ["--data", data])]);
    return 0;
  } catch (error) {
    say(reason(error));
    return 1;
  }
}
