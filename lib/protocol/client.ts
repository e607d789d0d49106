import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { fail, reason } from "../errors.js";
import type { ScoreOptions, Scorer } from "../scorer.js";
import { withDeadline } from "./deadline.js";
import { headerLength, type Message } from "./message.js";
import { type ModelDescription, modelSchema } from "./model.js";
import { encodeRequest } from "./request.js";
import { decodeResponse } from "./response.js";

export interface ServerOptions {
  /** The newest one where none is named. */
  readonly version?: number;
  /** Milliseconds a text may take where its request names no other. */
  readonly timeout?: number;
  readonly connections?: number;
}

/** A model on an inference server. */
export interface ServerModel extends Scorer {
  /** @throws server-unreachable; server-busy; server-refused; bad-inference-response; timed-out */
  metadata(): Promise<ModelDescription>;
}

/** How often a request is sent again whose connection was lost: a server that restarts is back after the pauses between, or is down. */
const reconnections = 4;
/** Milliseconds; each pause doubles the one before. */
const firstPause = 50;
const longestPause = 1000;
const lostConnection = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * A client of a server that speaks the Open Inference Protocol over HTTP: the project's own, Triton, or another.
 * `score` throws server-unreachable, server-busy, server-refused, not-served, bad-inference-response, timed-out, or the signal's reason.
 * @param url address of the server, such as http://localhost:8000
 */
export function connectServer(url: string, model: string, options: ServerOptions = {}): ServerModel {
  const { version, timeout: usual = 30_000, connections = 256 } = options;
  const { origin, pathname } = new URL(url);
  const path = `${pathname.replace(/\/$/, "")}/v2/models/${encodeURIComponent(model)}${version === undefined ? "" : `/versions/${version}`}`;
  const address = `${origin}${path}`;
  const pool = new Pool(origin, { connections, keepAliveTimeout: 30_000 });
  const refuse = (problem: string): never => fail("bad-inference-response", { url: address, problem });

  async function send(suffix: string, message: Message | undefined, signal: AbortSignal): Promise<Answer> {
    const request = message ? ({ ...message, method: "POST" } as const) : ({ method: "GET" } as const);
    const { statusCode, headers, body } = await pool.request({ ...request, path: path + suffix, signal });
    return { status: statusCode, headers, body: Buffer.from(await body.arrayBuffer()) };
  }

  /** The answer, or undefined where the connection was lost and another try is left. */
  async function trySend(suffix: string, message: Message | undefined, signal: AbortSignal, attempt: number): Promise<Answer | undefined> {
    try {
      return await send(suffix, message, signal);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (signal.aborted || typeof code !== "string") throw error;
      if (lostConnection.has(code) && attempt < reconnections) return undefined;
      return fail("server-unreachable", { url: origin, cause: reason(error) || code }, error);
    }
  }

  /** Sends until it is answered, while there is time. Scoring has no effects: a request that was lost on the way may be sent again. */
  function exchange(suffix: string, message: Message | undefined, { timeout = usual, signal }: ScoreOptions): Promise<Answer> {
    const deadline = performance.now() + timeout;
    return withDeadline(timeout, signal, async (signal) => {
      for (let attempt = 0; ; attempt++) {
        const answer = await trySend(suffix, message, signal, attempt);
        if (answer?.status === 200) return answer;
        if (answer && isUnserved(answer.body)) return fail("not-served", { url: address, message: readError(answer.body) });
        if (answer && answer.status !== 503)
          return fail("server-refused", { url: address + suffix, status: answer.status, message: readError(answer.body) });
        const retryAfter = Number(answer?.headers["retry-after"]) || 0;
        // Spread at random, so that many clients do not come back at once.
        const pause = Math.max(1000 * retryAfter, Math.min(longestPause, firstPause * 2 ** attempt) * (0.5 + Math.random()));
        if (answer && performance.now() + pause >= deadline)
          return fail("server-busy", { message: readError(answer.body), retryAfter: Math.max(1, retryAfter) });
        await sleep(pause, undefined, { signal });
      }
    });
  }

  return {
    async score(ids, limits = {}) {
      const size = ids.length;
      const inputs = {
        batch: 1,
        sequence: size,
        inputIds: BigInt64Array.from(ids, BigInt),
        attentionMask: new BigInt64Array(size).fill(1n),
        tokenTypeIds: new BigInt64Array(size),
      };
      const message = encodeRequest({ inputs, binaryOutput: true, timeout: limits.timeout ?? usual }, "binary");
      const { body, headers } = await exchange("/infer", message, limits);
      const { logits } = decodeResponse(body, headers[headerLength] as string | undefined, refuse);
      return logits.length === 1 ? logits[0]! : refuse(`${logits.length} scores came back for one text`);
    },
    async metadata() {
      const { body } = await exchange("", undefined, {});
      const parsed = modelSchema.safeParse(parseJson(body));
      return parsed.success ? parsed.data : refuse("it sends no metadata of the model");
    },
    async ready() {
      try {
        return (await send("/ready", undefined, AbortSignal.timeout(5000))).status === 200;
      } catch {
        return false;
      }
    },
    close: () => pool.close(),
  };
}

/** Triton says so by 404 of a version it does not know, by 503 of one that it has unloaded. */
const isUnserved = (body: Buffer): boolean => readError(body).startsWith("Request for unknown model");

/** What went wrong, as the protocol says it, or the beginning of whatever was answered. */
function readError(body: Buffer): string {
  const { error } = (parseJson(body) ?? {}) as { error?: unknown };
  return (typeof error === "string" ? error : body.toString("utf8", 0, 200)).replace(/\.$/, "");
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
