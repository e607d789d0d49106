import { join } from "node:path";
import { kinds, option, type Values } from "../lib/cli/options.js";
import { places } from "../lib/cli/paths.js";
import { findPort } from "../lib/http/listen.js";
import { waitForAnswer } from "../lib/http/wait.js";
import { compiled } from "../lib/system/package-files.js";
import { createSupervisor, type Print, type Supervisor } from "../lib/system/supervisor.js";
import { writeRandomBert } from "./random-bert.js";
import type { Run } from "./run.js";

export interface Serving {
  readonly repository: string;
  /** Seconds for a server to start. */
  readonly patience: number;
  readonly signal: AbortSignal;
}

interface StartOptions {
  /** Called after each start. */
  readonly onReady?: () => void;
  /** Options of Node. */
  readonly nodeOptions?: readonly string[];
}

/** Servers of a benchmark. One that ends restarts at once if `restart` is set; otherwise its requests fail. */
export function createServers(signal: AbortSignal, restart = false, print: Print = () => {}): Supervisor {
  const limit = restart ? Number.POSITIVE_INFINITY : 0;
  return createSupervisor({ signal, print, stopTimeout: 60, restarts: { pause: 0, limit, calm: 0 } });
}

/** The command of one of our services. */
export function serviceCommand(service: string, args: readonly string[], nodeOptions: readonly string[] = []): readonly string[] {
  return [process.execPath, ...nodeOptions, compiled("cli"), service, ...args];
}

/** Runs a program to its end. @returns what it wrote to standard output @throws service-failed, service-usage */
export async function runProgram(name: string, command: readonly string[], signal: AbortSignal): Promise<string> {
  let written = "";
  const supervisor = createServers(signal, false, (_, line, stream) => {
    if (stream === "stdout") written += `${line}\n`;
    else process.stderr.write(`${line}\n`);
  });
  try {
    await supervisor.run(name, command);
  } finally {
    await supervisor.stop();
  }
  return written;
}

/** Makes the model repository `out` by optimization. */
export async function makeRepository(model: string, out: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  const command = serviceCommand("optimization", ["--model", model, "--out", out, ...args]);
  process.stderr.write(await runProgram("optimization", command, signal));
}

/** Options of the benchmarks that measure our servers alone. */
export const servingOptions = {
  model: option(kinds.text, places.releasedModel, "Checkpoint to serve."),
  small: option(kinds.flag, false, "Serve a small BERT of random weights instead, with the tokenizer of --model: many times as fast."),
  data: option(kinds.text, places.sample, "Passages to send, or of whose words the texts are."),
  patience: option(kinds.duration, 120, "Seconds for a server to start."),
};

/** Makes a repository whose version holds the quantized graph and the float32 one. */
export async function prepareServing({ model, small, patience }: Values<typeof servingOptions>, { folder, signal }: Run): Promise<Serving> {
  const repository = join(folder, "repository");
  const served = small ? writeRandomBert(join(folder, "model"), "tiny", model) : model;
  await makeRepository(served, repository, ["--precision", "int8"], signal);
  return { repository, patience, signal };
}

/**
 * Starts a server on a free port and waits until it answers.
 * @param path answers when the server is ready
 * @returns its address
 */
export async function startServer(
  servers: Supervisor,
  name: string,
  patience: number,
  path: string,
  command: (port: string) => readonly string[],
  onReady?: () => void,
): Promise<string> {
  const port = await findPort();
  const address = `http://127.0.0.1:${port}`;
  const waitUntilReady = (signal: AbortSignal) => waitForAnswer(address + path, patience, "What it needs may be missing.", signal);
  await servers.keep(name, command(String(port)), { waitUntilReady, ...(onReady ? { onReady } : {}) });
  return address;
}

const ours = {
  inference: { ready: "/v2/health/ready", args: ["--metrics-port", "0"] },
  api: { ready: "/ready", args: ["--cache-size", "0"] },
} as const;
export type Service = keyof typeof ours;

/** Starts our api, behind our inference server or with the model in its own process. @returns the api's address */
export async function startOurs(
  servers: Supervisor,
  { repository, patience }: Serving,
  behindInference: boolean,
  options: { readonly [service in Service]?: StartOptions } = {},
): Promise<string> {
  const start = (service: Service, more: readonly string[] = []) => {
    const { ready, args } = ours[service];
    const { nodeOptions, onReady } = options[service] ?? {};
    // Polls often enough to load every version that the fault scenarios publish.
    const common = ["--repository", repository, "--host", "127.0.0.1", "--repository-poll-secs", "1", ...args, ...more];
    const command = (port: string) => serviceCommand(service, [...common, "--port", port], nodeOptions);
    return startServer(servers, service, patience, ready, command, onReady);
  };
  return start("api", behindInference ? ["--inference", await start("inference")] : []);
}
