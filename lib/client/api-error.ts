import { clientErrors } from "../errors/client-errors.js";
import type { ErrorCode } from "../errors/errors.js";
import { type Details, fillTemplate } from "../errors/template.js";

interface Answer {
  readonly requestId?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** What an api, or the way to it, answered instead of a result. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** The id of the request in the log of the api. */
  readonly requestId: string | undefined;
  /** Seconds after which the api wants to be asked again. */
  readonly retryAfter: number | undefined;

  /**
   * @param code one of docs/api.md; api-unreachable, api-timeout or bad-api-answer if no api answered
   * @param status of the HTTP response; 0 if there was none
   * @param detail for people
   */
  constructor(
    readonly code: ErrorCode | (string & {}),
    readonly status: number,
    readonly detail: string,
    { requestId, retryAfter, cause }: Answer = {},
  ) {
    super(detail, cause === undefined ? undefined : { cause });
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed soon. */
  get isTransient(): boolean {
    return this.code === "api-unreachable" || [429, 502, 503].includes(this.status);
  }
}

/** An error that no api sends. */
export function clientFailure<C extends keyof typeof clientErrors>(
  code: C,
  details: Details<(typeof clientErrors)[C]["template"]>,
  { status = 0, ...answer }: Answer & { readonly status?: number } = {},
): ApiError {
  return new ApiError(code, status, fillTemplate(clientErrors[code].template, details), answer);
}
