import { z } from "zod";
import { type ErrorCode, errors, failure } from "../../lib/errors/errors.js";
import { explainError, titleOf } from "../../lib/errors/explain.js";

const problem = z.object({
  type: z.string().meta({ description: "Where this error is explained: a path on this server." }),
  title: z.string().meta({ description: "The error in a few words, the same each time." }),
  status: z.number().int().meta({ description: "The HTTP status." }),
  detail: z.string().meta({ description: "What happened to this request, and what to do." }),
  code: z.string().meta({ description: "The error's name, for programs." }),
  request_id: z.string().meta({ description: "The value of x-request-id, which is in the server's log too." }),
});

export type Problem = z.output<typeof problem>;

const everywhere = ["unauthorized", "rate-limited", "internal"] as const;
const ofBodies = [
  ...(["bad-json", "bad-compression", "too-large", "not-json", "unsupported-encoding", "unsupported-charset", "bodies-too-large"] as const),
] as const;
const ofScoring = [
  ...ofBodies,
  ...(["empty-text", "text-too-long", "overloaded", "not-ready", "not-served", "server-busy", "server-unreachable", "closed"] as const),
  ...(["bad-inference-response", "other-model", "server-refused", "timed-out", "bad-score", "run-failed", "session-lost"] as const),
] as const;

/** The errors that each route may answer. Those of `lines` are in lines of NDJSON; those of `app` come before any route. */
const codes = {
  predict: ["no-text", ...ofScoring, ...everywhere],
  score: ["bad-score-request", "batch-too-large", "too-many-sentences", ...ofScoring, ...everywhere],
  lines: ["bad-line", "line-too-long", "client-idle"],
  compare: ["bad-compare-request", ...ofScoring, ...everywhere],
  models: ["not-ready", "closed", ...everywhere],
  ready: ["not-ready", "closed", "internal"],
  problem: ["no-route"],
  app: ["wrong-method"],
} as const satisfies Readonly<Record<string, readonly ErrorCode[]>>;

/** All of them, in the order of the table. */
export function listDocumented(): ErrorCode[] {
  const named = new Set<ErrorCode>(Object.values(codes).flat());
  return (Object.keys(errors) as ErrorCode[]).filter((code) => named.has(code));
}

/** The answers of a route that are errors, by status. */
export function problemsOf(route: Exclude<keyof typeof codes, "lines" | "app">) {
  const all: readonly ErrorCode[] = codes[route];
  const statuses = [...new Set(all.map((code) => errors[code].status))];
  return Object.fromEntries(statuses.map((status) => [status, describeStatus(status, all)]));
}

function describeStatus(status: number, all: readonly ErrorCode[]) {
  const codes = all.filter((code) => errors[code].status === status) as [ErrorCode, ...ErrorCode[]];
  // A failure of the server may have any code of the table.
  const code = status === 500 ? problem.shape.code : z.enum(codes).meta({ description: "The error's name, for programs." });
  const schema = problem
    .extend({ status: z.literal(status).meta({ description: "The HTTP status." }), code })
    .meta({ examples: codes.map(exampleOf) });
  const description = codes.map((code) => `\`${code}\`: ${explainError(code).meaning}`).join("\n\n");
  return { description, content: { "application/problem+json": { schema } } };
}

/** Details for the examples, by their names in the messages. */
const details: Readonly<Record<string, string | number>> = {
  ...{ problem: "text must be a string, found 1", found: "nothing", limit: 1_048_576, tokens: 90_000, seconds: 30, milliseconds: 30_000 },
  ...{ retryAfter: 2, waiting: 400, texts: 120, length: 40_000, windows: 40, characters: 30_000, sentences: 60, cause: "unknown error" },
  ...{ type: "text/plain", encoding: "zstd", charset: "latin1", what: "The model", url: "http://inference:8000", message: "unknown error" },
  ...{ differences: "its name is other", status: 500, score: "NaN", id: "f3a0", method: "GET", path: "/predict", allowed: "POST" },
};

function exampleOf(code: ErrorCode): Problem {
  const { status, message } = failure(code as "bad-json", details as { problem: string });
  return { type: `/problems/${code}`, title: titleOf(code), status, detail: message, code, request_id: "f3a0" };
}
