import { z } from "zod";
import { problemsOf } from "./problem-schemas.js";
import { batch, compareBody, comparison, lineAnswer, lineBody, models, predictAnswer, predictBody, result, scoreBody } from "./schemas.js";

/** Content types of NDJSON. */
export const linesTypes = ["application/x-ndjson", "application/jsonl"] as const;

const json = (description: string, schema: z.ZodType) => ({ description, content: { "application/json": { schema } } });
const text = { schema: z.string() };
const page = { description: "HTML if Accept names it, else plain text.", content: { "text/plain": text, "text/html": text } };
/** A key, if the server asks for one. */
const security = [{}, { key: [] }];

/** What each route takes and answers: Fastify's schemas, from which the OpenAPI document is made. */
export const documents = {
  predict: {
    ...{ tags: ["scores"], summary: "Score a text", operationId: "predict", security, body: predictBody },
    response: { 200: json("The text and its score.", predictAnswer), ...problemsOf("predict") },
  },
  score: {
    ...{ tags: ["scores"], summary: "Score texts, and say what the scores mean", operationId: "score", security, body: scoreBody },
    description:
      "JSON takes one text or several. NDJSON takes any number, a line each, and answers with a line each, in order, while it reads.",
    response: {
      200: {
        description: "A result for text, results for texts, a line for each line of NDJSON.",
        content: {
          "application/json": { schema: z.union([result, batch]) },
          "application/x-ndjson": { schema: lineAnswer },
        },
      },
      ...problemsOf("score"),
    },
  },
  compare: {
    ...{ tags: ["scores"], summary: "Compare two versions of a text", operationId: "compare", security, body: compareBody },
    response: { 200: json("Both results, and the difference.", comparison), ...problemsOf("compare") },
  },
  models: {
    ...{ tags: ["models"], summary: "The model in use", operationId: "models", security },
    response: { 200: json("The version that scores texts now.", models), ...problemsOf("models") },
  },
  alive: {
    tags: ["operation"],
    summary: "Whether the process runs",
    operationId: "alive",
    response: { 200: json("It does.", z.literal(true)) },
  },
  ready: {
    ...{ tags: ["operation"], summary: "Whether texts can be scored", operationId: "ready" },
    response: { 200: json("They can.", z.literal(true)), ...problemsOf("ready") },
  },
  metrics: {
    ...{ tags: ["operation"], summary: "Prometheus metrics", operationId: "metrics" },
    response: { 200: { description: "Metrics in Prometheus's text format.", content: { "text/plain": text } } },
  },
  problems: {
    ...{ tags: ["errors"], summary: "All errors", operationId: "problems" },
    response: { 200: page },
  },
  problem: {
    ...{ tags: ["errors"], summary: "What an error means, and what to do", operationId: "problem" },
    params: z.object({ code: z.string().meta({ description: "The error's code.", examples: ["empty-text"] }) }),
    response: { 200: page, ...problemsOf("problem") },
  },
};

/** Bodies in other content types than JSON, by the path of their route. */
export const otherBodies: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>> = {
  "/v1/score": Object.fromEntries(linesTypes.map((type) => [type, lineBody])),
};
