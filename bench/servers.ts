import { findPort } from "../lib/http/listen.js";
import { waitForAnswer } from "../lib/http/wait.js";
import { compiled } from "../lib/system/package-files.js";
import { createSupervisor, type Supervisor } from "../lib/system/supervisor.js";

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

const host = "127.0.0.1";
/** Often enough to load every version that the fault scenarios publish. */
const polling = ["--repository-poll-secs", "1"];
const stopTimeout = 60;

/** Servers of a benchmark. One that ends restarts at once if `restart` is set; otherwise its requests fail. */
export function createServers(signal: AbortSignal, restart = false): Supervisor {
  const limit = restart ? Number.POSITIVE_INFINITY : 0;
  return createSupervisor({ signal, print: () => {}, stopTimeout, restarts: { pause: 0, limit, calm: 0 } });
}

/** The command of one of our services. */
export const serviceCommand = (service: string, args: readonly string[], nodeOptions: readonly string[] = []): readonly string[] => [
  process.execPath,
  ...nodeOptions,
  compiled("cli"),
  service,
  ...args,
];

/** Runs a program to its end. @returns what it wrote to standard output @throws service-failed, service-usage */
export async function runProgram(name: string, command: readonly string[], signal: AbortSignal): Promise<string> {
  let written = "";
  const print = (_: string, line: string, stream: "stdout" | "stderr") => {
    if (stream === "stdout") written += `${line}\n`;
    else process.stderr.write(`${line}\n`);
  };
  const supervisor = createSupervisor({ signal, print, stopTimeout, restarts: { pause: 0, limit: 0, calm: 0 } });
  try {
    await supervisor.run(name, command);
  } finally {
    await supervisor.stop();
  }
  return written;
}

/** Starts a server, and waits until `ready` answers. */
export async function startServer(
  servers: Supervisor,
  {
    name,
    command,
    ready,
    patience,
    onReady,
  }: Pick<StartOptions, "onReady"> & {
    readonly name: string;
    readonly command: readonly string[];
    readonly ready: string;
    readonly patience: number;
  },
): Promise<void> {
  const waitUntilReady = (signal: AbortSignal) => waitForAnswer(ready, patience, "What it needs may be missing.", signal);
  await servers.keep(name, command, { waitUntilReady, ...(onReady ? { onReady } : {}) });
}

/** Starts our inference server, its metrics on any free port. @returns its address */
export async function startInference(servers: Supervisor, { repository, patience }: Serving, options: StartOptions = {}): Promise<string> {
  const port = await findPort();
  const address = `http://${host}:${port}`;
  const args = ["--repository", repository, "--host", host, "--port", String(port), "--metrics-port", "0", ...polling];
  const command = serviceCommand("inference", args, options.nodeOptions);
  await startServer(servers, { ...options, name: "inference", command, ready: `${address}/v2/health/ready`, patience });
  return address;
}

/** Starts our api without its cache, behind an inference server if one is named. @returns its address */
export async function startApi(
  servers: Supervisor,
  { repository, patience }: Serving,
  options: StartOptions & { readonly inference?: string } = {},
): Promise<string> {
  const port = await findPort();
  const address = `http://${host}:${port}`;
  const inference = options.inference === undefined ? [] : ["--inference", options.inference];
  const args = ["--repository", repository, "--host", host, "--port", String(port), "--cache-size", "0", ...polling, ...inference];
  const command = serviceCommand("api", args, options.nodeOptions);
  await startServer(servers, { ...options, name: "api", command, ready: `${address}/ready`, patience });
  return address;
}
