import { readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findPort } from "../lib/http/listen.js";
import { waitForAnswer } from "../lib/http/wait.js";
import { startChild } from "../lib/system/child.js";
import type { InferenceServer } from "./inference-server.js";

/** Seconds; less than a hook of vitest may take, so that its error is seen. */
const longestStart = 100;

/**
 * Starts a Triton Inference Server on a model repository, on free ports.
 * @param folder where PyPI's nvidia-pytriton was unpacked, with a backend `onnxruntime`, its Python environment in venv/ and the folder
 *   of libpython in the file libdir
 * @param options of tritonserver, without the dashes
 */
export async function startTriton(
  folder: string,
  repository: string,
  options: Record<string, string | number> = {},
): Promise<InferenceServer> {
  const [port, grpcPort, metricsPort] = [await findPort(), await findPort(), await findPort()];
  const triton = join(folder, "pytriton", "tritonserver");
  const library = join(folder, "venv", "lib");
  const python = readdirSync(library).find((name) => name.startsWith("python3"))!;
  const lists = {
    LD_LIBRARY_PATH: [join(folder, "nvidia_pytriton.libs"), readFileSync(join(folder, "libdir"), "utf8").trim()],
    PATH: [join(folder, "venv", "bin"), process.env.PATH],
    PYTHONPATH: [join(library, python, "site-packages")],
  };
  const env = Object.fromEntries(Object.entries(lists).map(([name, parts]) => [name, parts.join(delimiter)]));
  const argv = {
    "model-repository": repository,
    "backend-directory": join(triton, "backends"),
    "http-address": "127.0.0.1",
    "grpc-address": "127.0.0.1",
    "metrics-address": "127.0.0.1",
    "http-port": port,
    "grpc-port": grpcPort,
    "metrics-port": metricsPort,
    ...options,
  };
  const flags = Object.entries(argv).map(([name, value]) => `--${name}=${value}`);
  const log: string[] = []; // all of it: the reason stands long before its last lines
  const server = startChild([join(triton, "bin", "tritonserver"), ...flags], { env, onLine: (line) => log.push(line) });
  const url = `http://127.0.0.1:${port}`;
  const ended = server.exited.then(({ how }) => Promise.reject(new Error(`Triton ${how}:\n${log.join("\n")}`)));
  try {
    await Promise.race([waitForAnswer(`${url}/v2/health/ready`, longestStart, "Its log may tell why."), ended]);
  } catch (error) {
    await server.stop(0);
    throw error;
  }
  ended.catch(() => {}); // it ends when it is stopped
  return {
    url,
    grpc: `127.0.0.1:${grpcPort}`,
    metrics: `http://127.0.0.1:${metricsPort}/metrics`,
    stop: () => server.stop(60),
  };
}
