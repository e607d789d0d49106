import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { describeIssues } from "../../lib/errors/describe-issues.js";
import { fail, reason } from "../../lib/errors/errors.js";
import type { Models } from "./models.js";
import { addRoute } from "./routes.js";

const indexSchema = z.object({ ready: z.boolean().optional() });
// Triton can load a model with files or a configuration from the request; here everything comes from the repository.
const loadSchema = z.object({ parameters: z.strictObject({}).optional() });
const unloadSchema = z.object({ parameters: z.looseObject({}).optional() });

/** Bytes of a request: it names no files and no configuration. */
const bodyLimit = 64 << 10;

/** Adds the model repository extension: the index, loading and unloading. */
export function addRepository(app: FastifyInstance, models: Models): void {
  const listIndex = async (request: FastifyRequest) => {
    const { ready } = readBody(request, indexSchema, 'an object like {"ready": true}');
    const rows = await models.index();
    return ready ? rows.filter(({ state }) => state === "READY") : rows;
  };
  // As in Triton, the request may name a repository; there is only one.
  for (const prefix of ["/v2/repository", "/v2/repository/:repository"]) {
    addRoute(app, "POST", `${prefix}/index`, listIndex, bodyLimit);
    addRoute(
      app,
      "POST",
      `${prefix}/models/:model/load`,
      async (request, reply) => {
        readBody(request, loadSchema, "no parameters; a model is loaded as it is in the repository");
        await models.load(readModel(request));
        return reply.send();
      },
      bodyLimit,
    );
    addRoute(
      app,
      "POST",
      `${prefix}/models/:model/unload`,
      async (request, reply) => {
        readBody(request, unloadSchema, 'an object like {"parameters": {}}');
        await models.unload(readModel(request));
        return reply.send();
      },
      bodyLimit,
    );
  }
}

const readModel = ({ params }: FastifyRequest) => (params as { readonly model: string }).model;

/** Reads a body, which may be empty. @throws bad-inference-request */
function readBody<T>({ body }: FastifyRequest, schema: z.ZodType<T>, expected: string): T {
  const text = (body as Buffer | undefined)?.toString() || "{}";
  const refuse = (problem: string) => fail("bad-inference-request", { problem: `The request is invalid (${problem})`, expected });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return refuse(reason(error));
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? parsed.data : refuse(describeIssues(parsed.error, json, "the body"));
}
