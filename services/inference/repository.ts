import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { fail } from "../../lib/errors/errors.js";
import { parseJson } from "../../lib/errors/parse-json.js";
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
    const add = (verb: string, schema: z.ZodType, expected: string, act: (model: string) => Promise<void>) =>
      addRoute(
        app,
        "POST",
        `${prefix}/models/:model/${verb}`,
        async (request, reply) => {
          readBody(request, schema, expected);
          await act((request.params as { readonly model: string }).model);
          return reply.send();
        },
        bodyLimit,
      );
    addRoute(app, "POST", `${prefix}/index`, listIndex, bodyLimit);
    add("load", loadSchema, "no parameters; a model is loaded as it is in the repository", models.load);
    add("unload", unloadSchema, 'an object like {"parameters": {}}', models.unload);
  }
}

/** Reads a body, which may be empty. @throws bad-inference-request */
function readBody<T>({ body }: FastifyRequest, schema: z.ZodType<T>, expected: string): T {
  const text = (body as Buffer | undefined)?.toString() || "{}";
  const refuse = (problem: string) => fail("bad-inference-request", { problem: `The request is invalid (${problem})`, expected });
  return parseJson(text, schema, refuse, "the body");
}
