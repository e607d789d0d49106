import swagger, { type SwaggerTransform } from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { producer } from "../../lib/system/producer.js";
import { otherBodies } from "./documents.js";
import { sendJson } from "./reply.js";

const description = `Says how easy an English text is to read, and what the score means. Every error is application/problem+json (RFC 9457).
The bodies of requests may be compressed (gzip, deflate, br). Every answer has x-request-id: the request's own, or a new one.`;

/** Documents the routes that are registered after it: GET /openapi.json (OpenAPI 3.1), and Swagger UI at /docs. */
export function addOpenApi(app: FastifyInstance): void {
  app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "readability-scoring",
        version: producer.version,
        description,
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      tags: [
        { name: "scores", description: "Texts and their scores." },
        { name: "models", description: "What scores them." },
        { name: "operation", description: "For load balancers and monitoring. These routes need no key." },
        { name: "errors", description: "What the errors mean." },
      ],
      components: { securitySchemes: { key: { type: "http", scheme: "bearer", description: "An API key, if the server has --keys." } } },
    },
    transform,
    transformObject: dropUnused,
  });
  app.register(swaggerUi, { routePrefix: "/docs", staticCSP: docsPolicy, uiConfig: { validatorUrl: null } });
  app.register(async (scope) => {
    scope.get("/openapi.json", { schema: { hide: true } }, (_, reply) => void sendJson(reply, JSON.stringify(app.swagger())));
  });
}

/** Swagger UI draws icons from data: addresses and has one style of its own in the page, of this hash; all else comes from here. */
const docsPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The library's transform, and the bodies in other content types. */
const transform: SwaggerTransform = (route) => {
  const { schema, url } = jsonSchemaTransform(route);
  const others = otherBodies[url];
  if (!others) return { schema, url };
  const bodies = Object.entries({ "application/json": (route.schema as { body: unknown }).body, ...others });
  const read = (body: unknown) => jsonSchemaTransform({ ...route, schema: { body } }).schema.body;
  const content = Object.fromEntries(bodies.map(([type, body]) => [type, { schema: read(body) }]));
  return { schema: { ...schema, body: { content } }, url };
};

/** The library lists every named schema a second time, as an input. None is one. */
const dropUnused: typeof jsonSchemaTransformObject = (document) => {
  const object = jsonSchemaTransformObject(document) as { components: { schemas: Record<string, unknown> } };
  const schemas = Object.fromEntries(Object.entries(object.components.schemas).filter(([name]) => !name.endsWith("Input")));
  return { ...object, components: { ...object.components, schemas } } as ReturnType<typeof jsonSchemaTransformObject>;
};
