import type { BatchAnswer, CompareAnswer, ModelAnswer, ModelsAnswer, ScoreAnswer, Target } from "./answers.js";

/** Why a request failed: in the api's words, or ours if the server did not answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  /** Seconds after which it is worth another try; undefined if it is not. */
  readonly retryAfter: number | undefined;
  constructor({ status, code, detail, retryAfter }: { status: number; code: string; detail: string; retryAfter?: number | undefined }) {
    super(detail);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

let key: string | undefined;

/** Sends an API key with the requests that follow. It is kept until the page is left. */
export function setKey(given: string): void {
  key = given;
}

export const scoreText = (text: string, target: Target | undefined, signal: AbortSignal) =>
  post<ScoreAnswer>("/v1/score", { text, formulas: true, ...(target ? { target } : {}) }, signal);

export const scoreOnly = (text: string, signal: AbortSignal) => post<ScoreAnswer>("/v1/score", { text }, signal);

export const scoreSentences = (texts: readonly string[], signal: AbortSignal) =>
  post<BatchAnswer>("/v1/score", { texts, sentences: true }, signal);

export const compareTexts = (before: string, after: string, signal: AbortSignal) =>
  post<CompareAnswer>("/v1/compare", { before, after }, signal);

/** The model that scores now; undefined if the server does not say. */
export async function readModel(signal: AbortSignal): Promise<ModelAnswer | undefined> {
  const { models } = await request<ModelsAnswer>("/v1/models", { signal });
  return models[0];
}

const post = <A>(path: string, body: unknown, signal: AbortSignal): Promise<A> =>
  request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });

/** @throws Problem; AbortError if the signal aborts */
async function request<A>(path: string, init: RequestInit): Promise<A> {
  const headers = { ...init.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  const answer = await fetch(path, { ...init, headers, credentials: "omit", cache: "no-store" }).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw new Problem({
      status: 0,
      code: "unreachable",
      detail: "The server did not answer. Check that it runs and that you are online.",
      retryAfter: 5,
    });
  });
  const body: unknown = await answer.json().catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    return undefined;
  });
  if (answer.ok && body !== undefined) return body as A;
  const { code = "unknown", detail = `The server answered with status ${answer.status}.` } = (body ?? {}) as {
    code?: string;
    detail?: string;
  };
  const retryAfter = [429, 503].includes(answer.status) ? Math.max(1, Number(answer.headers.get("retry-after")) || 5) : undefined;
  throw new Problem({ status: answer.status, code, detail, retryAfter });
}
