import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { z } from "zod";
import { fail, reason } from "../errors/errors.js";
import { withDeadline } from "./deadline.js";
import { headerLength, type Message } from "./message.js";
import { checkModel, type ModelDescription, modelSchema } from "./model-metadata.js";
import { padToBucket } from "./padding.js";
import { encodeRequest } from "./request.js";
import { decodeResponse } from "./response.js";
import { choosePause, isLostConnection, reconnections } from "./retry.js";

export interface ServerOptions {
  /** The newest by default. */
  readonly version?: number;
  /** Default timeout of a request, in milliseconds. */
  readonly timeout?: number;
  readonly connections?: number;
  /** Lengths, ascending, to which texts are padded for a server that batches texts of one length. Without them texts are not padded. */
  readonly buckets?: readonly number[] | undefined;
  readonly padId?: number;
}

interface RequestLimits {
  readonly signal?: AbortSignal;
  /** Milliseconds, for all attempts together. */
  readonly timeout?: number;
  /** The header of that name. */
  readonly traceparent?: string | undefined;
}

/** A model on an inference server. */
export interface ServerModel {
  /**
   * The logit of one text, a float32.
   * @param ids its token ids with the special ones, not padded
   * @throws server-unreachable; server-busy; server-refused; not-served; bad-inference-response; timed-out; the signal's reason
   */
  score(ids: ArrayLike<number>, limits?: RequestLimits): Promise<number>;
  /** Whether the server answers at all; its model may still be loading. */
  live(): Promise<boolean>;
  ready(): Promise<boolean>;
  /** @throws server-unreachable; server-busy; server-refused; bad-inference-response; timed-out */
  metadata(): Promise<ModelDescription>;
  /** @throws other-model if the model does not take what `score` sends; what `metadata` throws */
  check(): Promise<void>;
  /** Closes the connections after the requests in progress. */
  close(): Promise<void>;
}

/** Milliseconds. */
const longestHealthCheck = 5000;
/** Bytes: a score or the description of a model takes less than 2000. */
const largestAnswer = 1 << 20;
/** A microsecond, in milliseconds: servers read 0 as no timeout. */
const leastTimeout = 0.001;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Makes the request, which tells the server how many milliseconds are left. */
type Ask = (left: number) => Message;

/**
 * A client of a server that speaks the Open Inference Protocol over HTTP: the project's own, Triton, or another.
 * @param url address of the server, such as http://localhost:8000
 */
export function connectServer(url: string, model: string, options: ServerOptions = {}): ServerModel {
  const { version, timeout: usual = 30_000, connections = 256, buckets = [], padId = 0 } = options;
  const { origin, pathname } = new URL(url);
  const base = pathname.replace(/\/$/, "");
  const path = `${base}/v2/models/${encodeURIComponent(model)}${version === undefined ? "" : `/versions/${version}`}`;
  const address = `${origin}${path}`;
  const pool = new Pool(origin, { connections, keepAliveTimeout: 30_000, maxResponseSize: largestAnswer });
  const refuse = (problem: string): never => fail("bad-inference-response", { url: address, problem });

  async function send(path: string, message: Message | undefined, signal: AbortSignal): Promise<Answer> {
    const request = message ? ({ ...message, method: "POST" } as const) : ({ method: "GET" } as const);
    const { statusCode, headers, body } = await pool.request({ ...request, path, signal });
    return { status: statusCode, headers, body: Buffer.from(await body.arrayBuffer()) };
  }

  /** The answer, or undefined if the connection was lost and another attempt is left. */
  async function trySend(path: string, message: Message | undefined, signal: AbortSignal, attempt: number): Promise<Answer | undefined> {
    try {
      return await send(path, message, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const { code = "" } = error as { code?: string };
      if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") return refuse(`its answer is larger than ${largestAnswer} bytes`);
      if (isLostConnection(code) && attempt < reconnections) return undefined;
      return fail("server-unreachable", { url: origin, cause: reason(error) || code }, error);
    }
  }

  /** Sends the request. Retries after a lost connection or a 503 while time remains, but not after another refusal. */
  function exchange(suffix: string, ask: Ask | undefined, { timeout = usual, signal }: RequestLimits): Promise<Answer> {
    const deadline = performance.now() + timeout;
    return withDeadline(timeout, signal, async (signal) => {
      for (let attempt = 0; ; attempt++) {
        const answer = await trySend(path + suffix, ask?.(Math.max(leastTimeout, deadline - performance.now())), signal, attempt);
        if (answer?.status === 200) return answer;
        if (answer && isUnserved(answer.body)) return fail("not-served", { url: address, message: readError(answer.body) });
        if (answer && answer.status !== 503)
          return fail("server-refused", { url: address + suffix, status: answer.status, message: readError(answer.body) });
        const retryAfter = Number(answer?.headers["retry-after"]) || 0;
        const pause = choosePause(attempt, retryAfter);
        if (answer && performance.now() + pause >= deadline)
          return fail("server-busy", { retryAfter: Math.max(1, retryAfter) }, readError(answer.body));
        await sleep(pause, undefined, { signal });
      }
    });
  }

  async function isWell(path: string): Promise<boolean> {
    try {
      return (await send(path, undefined, AbortSignal.timeout(longestHealthCheck))).status === 200;
    } catch {
      return false;
    }
  }

  async function metadata(): Promise<ModelDescription> {
    const { body } = await exchange("", undefined, {});
    const parsed = modelSchema.safeParse(parseJson(body));
    return parsed.success ? parsed.data : refuse("it sent no valid metadata of the model");
  }

  return {
    async score(ids, limits = {}) {
      const inputs = padToBucket(ids, buckets, padId);
      const { traceparent } = limits;
      const ask = (left: number) => {
        const { headers, body } = encodeRequest({ inputs, binaryOutput: true, timeout: left }, "binary");
        return { body, headers: traceparent === undefined ? headers : { ...headers, traceparent } };
      };
      const { body, headers } = await exchange("/infer", ask, limits);
      const answer = decodeResponse(body, headers[headerLength] as string | undefined, refuse);
      if (answer.model !== model || (version !== undefined && answer.version !== String(version)))
        return refuse(`the text was scored by ${answer.model}, version ${answer.version}`);
      return answer.logits.length === 1 ? answer.logits[0]! : refuse(`it returned ${answer.logits.length} scores for one text`);
    },
    live: () => isWell(`${base}/v2/health/live`),
    ready: () => isWell(`${path}/ready`),
    metadata,
    check: async () => checkModel(await metadata(), address),
    close: () => pool.close(),
  };
}

/** Triton answers 404 for a version it does not know, and 503 for one that it has unloaded. */
const isUnserved = (body: Buffer): boolean => readError(body).startsWith("Request for unknown model");

const errorSchema = z.object({ error: z.string() });

/** The error in the response's JSON, or the beginning of its body. */
function readError(body: Buffer): string {
  const { data } = errorSchema.safeParse(parseJson(body));
  return (data?.error ?? body.toString("utf8", 0, 200)).replace(/\.$/, "");
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
