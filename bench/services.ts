import { type Launch, launchService } from "./processes.js";

export interface Serving {
  readonly repository: string;
  /** Seconds for a server to start. */
  readonly patience: number;
  readonly signal: AbortSignal;
}

const host = "127.0.0.1";
/** Often enough that each version is loaded that the scenarios of faults offer. */
const polling = ["--repository-poll-secs", "1"];

export const addressOf = (port: number): string => `http://${host}:${port}`;

/** Our inference server; its metrics are on any port that is free. */
export function launchInference({ repository, patience, signal }: Serving, port: number): Launch {
  const args = ["--repository", repository, "--host", host, "--port", String(port), "--metrics-port", "0", ...polling];
  return { ...launchService("inference", args), ready: `${addressOf(port)}/v2/health/ready`, patience, signal };
}

/** Our api without its cache: before an inference server on a port, or without one. */
export function launchApi({ repository, patience, signal }: Serving, port: number, inference?: number): Launch {
  const model = inference === undefined ? [] : ["--inference", addressOf(inference)];
  const args = ["--repository", repository, "--host", host, "--port", String(port), "--cache-size", "0", ...polling, ...model];
  return { ...launchService("api", args), ready: `${addressOf(port)}/ready`, patience, signal };
}
