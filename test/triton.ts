import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findPort } from "../lib/http/listen.js";
import type { InferenceServer } from "./inference-server.js";

/** Milliseconds; less than a hook of vitest may take, so that the log is seen. */
const longestStart = 100_000;

/**
 * Starts a Triton Inference Server on a model repository, on ports that are free.
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
  const child = spawn(join(triton, "bin", "tritonserver"), flags, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part) => {
      log += part;
    });
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + longestStart;
  for (;;) {
    const answer = await fetch(`${url}/v2/health/ready`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    if (answer?.ok) break;
    if (child.exitCode !== null) throw new Error(`Triton ended:\n${log}`);
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`Triton is not ready after ${longestStart} ms:\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    grpc: `127.0.0.1:${grpcPort}`,
    metrics: `http://127.0.0.1:${metricsPort}/metrics`,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
