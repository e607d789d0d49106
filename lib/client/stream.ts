import type { Extras, Scored, Texts } from "../serving/result-types.js";
import { ApiError, clientFailure } from "./api-error.js";
import { gather } from "./gather.js";
import { type RequestOptions, retry, send, toPost, unreachable } from "./request.js";

export interface StreamOptions extends Extras, RequestOptions {
  /** Milliseconds until the next result, retries and pauses included. Default: that of the client. */
  readonly timeout?: number | undefined;
  /** The largest number of texts in a request. Default: 32, as many as the api scores side by side. */
  readonly batch?: number | undefined;
}

interface Connection {
  readonly fetch: typeof globalThis.fetch;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeout: number;
  readonly retries: number;
}

/** UTF-16 units after which a batch takes no further text. */
const mostCharacters = 1 << 20;

/**
 * Scores texts as NDJSON, in one request after the other: browsers cannot stream the body of a request. While one is answered, the texts
 * of the next are read.
 */
export async function* streamScores(
  { timeout: usual, ...connection }: Connection,
  texts: Texts,
  { signal, timeout = usual, batch = 32, ...extras }: StreamOptions,
): AsyncGenerator<Scored, void, undefined> {
  const room = { items: batch, characters: mostCharacters };
  for await (const items of gather(texts, room, (item) => (typeof item === "string" ? item : item.text).length, signal)) {
    const lines = items.map((item) => JSON.stringify({ ...extras, ...(typeof item === "string" ? { text: item } : item) }));
    let answers: LineReader | undefined;
    try {
      for (let done = 0; done < lines.length; done++)
        yield await retry({ ...connection, timeout, signal }, async (signal) => {
          answers ??= await post(connection, lines.slice(done), signal);
          try {
            return readResult(connection.url, await answers.next(signal));
          } catch (error) {
            answers.cancel();
            answers = undefined; // the next attempt sends the lines again that have no result
            throw error;
          }
        });
    } finally {
      answers?.cancel();
    }
  }
}

interface LineReader {
  /** The next line that is not blank. @throws api-unreachable if there is none, also if the signal aborts */
  next(signal: AbortSignal): Promise<string>;
  cancel(): void;
}

async function post(
  { fetch, url, headers }: Omit<Connection, "timeout">,
  lines: readonly string[],
  signal: AbortSignal,
): Promise<LineReader> {
  const body = `${lines.join("\n")}\n`;
  const response = await send(fetch, url, { ...toPost(headers, "application/x-ndjson", body), signal });
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const cancel = () => void reader.cancel().catch(() => {});
  let text = "";

  async function readMore(): Promise<void> {
    const { done, value } = await reader.read().catch((error) => Promise.reject(unreachable(url, error)));
    if (done) throw unreachable(url, "the answer ended early"); // a line that has no end may be a part of one
    text += decoder.decode(value, { stream: true });
  }

  return {
    cancel,
    async next(signal) {
      signal.addEventListener("abort", cancel);
      try {
        for (;;) {
          while (!text.includes("\n")) await readMore();
          const end = text.indexOf("\n");
          const line = text.slice(0, end);
          text = text.slice(end + 1);
          if (line.trim() !== "") return line;
        }
      } finally {
        signal.removeEventListener("abort", cancel);
      }
    },
  };
}

/** @throws the error in the place of a result if it may be gone soon; bad-api-answer */
function readResult(url: string, line: string): Scored {
  let result: Scored;
  try {
    result = JSON.parse(line) as Scored;
  } catch {
    throw clientFailure("bad-api-answer", { url, problem: "a line is not JSON" }, { status: 200 });
  }
  if (!("error" in result)) return result;
  const { code, status, detail } = result.error;
  const error = new ApiError(code, status, detail);
  if (error.isTransient) throw error;
  return result;
}
