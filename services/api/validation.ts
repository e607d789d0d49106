import { Readable } from "node:stream";
import type { FastifySchemaCompiler } from "fastify";
import type { z } from "zod";
import type { ReadabilityError } from "../../lib/errors/errors.js";

/**
 * Validates what comes to a route by its schema. A stream passes: the route reads it.
 * @param describe the error for what is invalid
 */
export const refuseWith =
  (describe: (error: z.ZodError, value: unknown) => ReadabilityError): FastifySchemaCompiler<unknown> =>
  ({ schema }) =>
  (value: unknown) => {
    if (value instanceof Readable) return { value };
    const { data, error } = (schema as z.ZodType).safeParse(value);
    return error ? { error: describe(error, value) } : { value: data };
  };
