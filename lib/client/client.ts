import type { Comparison, Extras, ModelInfo, Scored, ScoreFailure, ScoreResult, Texts } from "../serving/result-types.js";
import { clientFailure } from "./api-error.js";
import { type RequestOptions, retry, send, toPost } from "./request.js";
import { type StreamOptions, streamScores } from "./stream.js";

export interface ClientOptions {
  /** Address of the api. Default: http://localhost:5000. In a browser, "" is the server of the page. */
  readonly url?: string | undefined;
  /** Sent as Authorization: Bearer. */
  readonly apiKey?: string | undefined;
  /** Milliseconds for a call, retries and pauses included. Default: 60,000. */
  readonly timeout?: number | undefined;
  /** Further attempts after 429, 502, 503 or a lost connection. Default: 4. */
  readonly retries?: number | undefined;
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** In place of the global fetch. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

export interface ScoreCallOptions extends Extras, RequestOptions {}

/** Every call throws ApiError, or the signal's reason. */
export interface Client {
  /** The score alone. */
  predict(text: string, options?: RequestOptions): Promise<number>;
  score(text: string, options?: ScoreCallOptions): Promise<ScoreResult>;
  /** One result a text, in the same order. A text that cannot be scored has an error in its place. The api limits the number of texts. */
  score(texts: readonly string[], options?: ScoreCallOptions): Promise<(ScoreResult | ScoreFailure)[]>;
  /**
   * One result a text, in the same order, for any number of texts. Reads at most two batches ahead of what is taken, and goes on with the
   * texts that have no result yet if a connection is lost. If reading fails, the results of what was read come first.
   */
  scoreStream(texts: Texts, options?: StreamOptions): AsyncGenerator<Scored, void, undefined>;
  compare(before: string, after: string, options?: Pick<Extras, "formulas"> & RequestOptions): Promise<Comparison>;
  models(options?: RequestOptions): Promise<readonly ModelInfo[]>;
}

export function createClient(options: ClientOptions = {}): Client {
  const { url = "http://localhost:5000", apiKey, timeout = 60_000, retries = 4, headers = {} } = options;
  const fetch = options.fetch ?? ((...call) => globalThis.fetch(...call));
  const place = (path: string) => `${url.replace(/\/+$/, "")}/${path}`;
  const authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const connection = { fetch, timeout, retries, headers: { ...headers, ...authorization } };

  /** Sends JSON and reads JSON; without a body, it is a GET. */
  function call(path: string, body: object | undefined, { signal, timeout }: RequestOptions): Promise<unknown> {
    const { headers } = connection;
    const init = body === undefined ? { headers } : toPost(headers, "application/json", JSON.stringify(body));
    const patience = { url: place(path), timeout: timeout ?? connection.timeout, retries, signal };
    return retry(patience, async (signal) => {
      const response = await send(fetch, patience.url, { ...init, signal });
      const text = await response.text();
      try {
        return JSON.parse(text);
      } catch {
        throw clientFailure("bad-api-answer", { url: patience.url, problem: "its body is not JSON" }, { status: response.status });
      }
    });
  }

  async function predict(text: string, options: RequestOptions = {}): Promise<number> {
    const answer = await call("predict", { text }, options);
    if (Array.isArray(answer) && typeof answer[1] === "number") return answer[1];
    throw clientFailure("bad-api-answer", { url: place("predict"), problem: "its body is not [text, score]" }, { status: 200 });
  }

  function score(text: string, options?: ScoreCallOptions): Promise<ScoreResult>;
  function score(texts: readonly string[], options?: ScoreCallOptions): Promise<(ScoreResult | ScoreFailure)[]>;
  async function score(texts: string | readonly string[], { signal, timeout, ...extras }: ScoreCallOptions = {}) {
    const isOne = typeof texts === "string";
    const answer = await call("v1/score", { [isOne ? "text" : "texts"]: texts, ...extras }, { signal, timeout });
    return isOne ? answer : (answer as { results: (ScoreResult | ScoreFailure)[] }).results;
  }

  return {
    predict,
    score,
    scoreStream: (texts, options = {}) => streamScores({ ...connection, url: place("v1/score") }, texts, options),
    async compare(before, after, { signal, timeout, ...extras } = {}) {
      return (await call("v1/compare", { before, after, ...extras }, { signal, timeout })) as Comparison;
    },
    async models(options = {}) {
      return ((await call("v1/models", undefined, options)) as { models: readonly ModelInfo[] }).models;
    },
  };
}
