import { existsSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";
import { type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { ReadabilityError } from "../errors/errors.js";
import { failToWrite } from "../storage/files.js";

/** Where files come from, and how. */
export interface Source {
  /** The only origin that gets the token. */
  readonly origin: string;
  readonly token: string | undefined;
  /** Honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
  readonly dispatcher: Dispatcher;
  /** Milliseconds before the second try; doubled before each further one. */
  readonly pause: number;
}

export function createSource(origin: string, token: string | undefined, pause: number): Source {
  return { origin, token, dispatcher: new EnvHttpProxyAgent({ connect: { timeout: 20_000 } }), pause };
}

/** The server's description of a file before the download. */
export interface RemoteFile {
  readonly etag: string | undefined;
  readonly size: number | undefined;
}

const tries = 6;
const mostRedirects = 5;
/** Seconds. */
const longestRetryAfter = 60;

/** A response with another status than 2xx. */
export interface StatusError extends Error {
  readonly status: number;
  /** Seconds; 0 if the server does not say. */
  readonly retryAfter: number;
}

export function isStatusError(error: unknown): error is StatusError {
  return error instanceof Error && "status" in error && !(error instanceof ReadabilityError);
}

/** @throws StatusError, or the connection's error after the last try; SyntaxError if the answer is not JSON */
export async function fetchJson(source: Source, url: URL): Promise<unknown> {
  const text = await retry(source, async () => {
    const answer = await send(source, "GET", url);
    return answer.statusCode === 200 ? answer.body.text() : refuse(answer);
  });
  return JSON.parse(text);
}

/** Size and entity tag. In large-file storage the tag is the file's sha256. @throws as fetchJson */
export async function inspectFile(source: Source, url: URL): Promise<RemoteFile> {
  return retry(source, async () => {
    // The hub names size and hash in its redirect to the storage, which need not answer HEAD.
    const answer = await send(source, "HEAD", url, {}, (headers) => headers["x-linked-etag"] !== undefined);
    const { statusCode, headers, body } = answer;
    if (statusCode >= 400) return refuse(answer);
    await body.dump();
    const size = headers["x-linked-size"] ?? (statusCode === 200 ? headers["content-length"] : undefined);
    const etag = String(headers["x-linked-etag"] ?? headers.etag ?? "").replace(/^W\/|"/g, "");
    return { etag: /^\w[\w.-]*$/.test(etag) ? etag : undefined, size: size === undefined ? undefined : Number(size) };
  });
}

/**
 * Downloads into `file`, resuming where an earlier try or run ended.
 * @param onBytes called with the bytes that have arrived
 * @throws as fetchJson; file-failed
 */
export async function downloadFile(source: Source, url: URL, file: string, size: number | undefined, onBytes: (bytes: number) => void) {
  await retry(source, async () => {
    const have = existsSync(file) ? statSync(file).size : 0;
    if (size !== undefined && have === size) return;
    const answer = await send(source, "GET", url, have > 0 ? { range: `bytes=${have}-` } : {});
    const { statusCode, headers, body } = answer;
    if (statusCode !== 200 && statusCode !== 206) {
      if (statusCode === 416) rmSync(file, { force: true }); // it is longer than it should be: start over
      return refuse(answer);
    }
    const resumed = statusCode === 206 && String(headers["content-range"]).startsWith(`bytes ${have}-`);
    if (statusCode === 206 && !resumed) {
      body.destroy();
      rmSync(file, { force: true });
      throw new Error(`asked to continue from byte ${have}, the server sent ${headers["content-range"]}`);
    }
    const bytes = await appendBody(body, file, resumed ? have : 0, onBytes);
    if (size !== undefined && bytes !== size) throw new Error(`received ${bytes} of ${size} bytes`);
  });
}

async function appendBody(body: Dispatcher.ResponseData["body"], file: string, from: number, onBytes: (bytes: number) => void) {
  let bytes = from;
  const handle = await open(file, from > 0 ? "a" : "w").catch((error) => failToWrite(file, error));
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      await handle.appendFile(chunk).catch((error) => failToWrite(file, error));
      bytes += chunk.length;
      onBytes(bytes);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return bytes;
}

type Headers = Dispatcher.ResponseData["headers"];

/** Follows redirects, except to another origin if the redirect itself satisfies `enough`. */
async function send(
  { origin, token, dispatcher }: Source,
  method: "GET" | "HEAD",
  url: URL,
  headers: Readonly<Record<string, string>> = {},
  enough: (headers: Headers) => boolean = () => false,
): Promise<Dispatcher.ResponseData> {
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const authorization = token !== undefined && url.origin === origin ? { authorization: `Bearer ${token}` } : {};
    const response = await request(url, {
      method,
      headers: { "user-agent": "readability-scoring", "accept-encoding": "identity", ...headers, ...authorization },
      dispatcher,
      headersTimeout: 30_000,
      bodyTimeout: 60_000,
    });
    const location = response.headers.location;
    if (response.statusCode < 300 || response.statusCode >= 400 || typeof location !== "string") return response;
    const next = new URL(location, url);
    if (next.origin !== url.origin && enough(response.headers)) return response;
    await response.body.dump();
    url = next;
  }
  throw new Error(`too many redirects (more than ${mostRedirects})`);
}

async function refuse({ statusCode: status, headers, body }: Dispatcher.ResponseData): Promise<never> {
  await body.dump().catch(() => {});
  const { "retry-after": after } = headers;
  throw Object.assign(new Error(`HTTP ${status}`), {
    status,
    retryAfter: Number(after) || (Date.parse(String(after)) - Date.now()) / 1000 || 0,
  });
}

/** Tries again after a failed connection, 5xx, 416 or 429, and no sooner than the server's Retry-After asks. */
function retry<T>({ pause }: Source, attempt: () => Promise<T>): Promise<T> {
  return pRetry(attempt, {
    retries: tries - 1,
    minTimeout: pause,
    async shouldRetry({ error }) {
      if (error instanceof ReadabilityError) return false;
      if (!isStatusError(error)) return true;
      if (error.status < 500 && ![416, 429].includes(error.status)) return false;
      await sleep(1000 * Math.min(longestRetryAfter, Math.max(0, error.retryAfter)));
      return true;
    },
  });
}
