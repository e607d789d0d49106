import { STATUS_CODES } from "node:http";
import { Pool } from "undici";
import { addRoute, readAddress } from "./address.js";

/** The response to POST /predict: a score or a problem. */
export interface PredictAnswer {
  readonly status: number;
  /** Length of the body. */
  readonly bytes: number;
  /** Set if there is no problem. */
  readonly score?: number;
  /** What is wrong with the response, without texts and numbers that differ between requests: "answered 503 Service Unavailable". */
  readonly problem?: string;
  /** The error code, if the response names one. */
  readonly code?: string;
}

export interface PredictClient {
  /** @throws the connection's error if no response arrives; the signal's reason */
  predict(text: string, signal?: AbortSignal): Promise<PredictAnswer>;
  /** Waits for the requests in progress. */
  close(): Promise<void>;
  destroy(): Promise<void>;
}

interface PredictOptions {
  /** Seconds to connect, and to wait for an answer. */
  readonly timeout: number;
  /** Largest number of connections, which are kept alive. Default: no limit. */
  readonly connections?: number;
}

/** A client of an api. @param target its address, such as `http://localhost:5000`; a path, a query and credentials in it are kept */
export function connectPredict(target: string, { timeout, connections }: PredictOptions): PredictClient {
  const { origin, path, headers: authorization } = readAddress(addRoute(target, "predict"));
  const milliseconds = 1000 * timeout;
  const limits = { headersTimeout: milliseconds, bodyTimeout: milliseconds, connect: { timeout: milliseconds } };
  const pool = new Pool(origin, { ...limits, connections: connections ?? null });
  const headers = { "content-type": "application/json", ...authorization };
  return {
    async predict(text, signal) {
      const body = JSON.stringify({ text });
      const answer = await pool.request({ method: "POST", path, headers, body, signal: signal ?? null });
      const content = await answer.body.text();
      return { ...readAnswer(answer.statusCode, content, text), bytes: Buffer.byteLength(content) };
    },
    close: () => pool.close(),
    destroy: () => pool.destroy(),
  };
}

function readAnswer(status: number, content: string, text: string): Omit<PredictAnswer, "bytes"> {
  const parsed = parseJson(content);
  if (status !== 200) {
    const { code } = (parsed ?? {}) as { code?: string };
    return { status, problem: `answered ${status} ${STATUS_CODES[status] ?? ""}`.trim(), ...(code === undefined ? {} : { code }) };
  }
  if (!Array.isArray(parsed) || parsed.length !== 2 || !Number.isFinite(parsed[1]))
    return { status, problem: "answer is not [text, number]" };
  return parsed[0] === text ? { status, score: parsed[1] } : { status, problem: "answer has a different text" };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
