import type { z } from "zod";
import { describeIssues } from "./describe-issues.js";
import { reason } from "./errors.js";

/**
 * Parses JSON that has a schema.
 * @param refuse throws an error with what is wrong
 * @param subject what to call the value in a message
 */
export function parseJson<T>(text: string, schema: z.ZodType<T>, refuse: (problem: string, cause?: unknown) => never, subject?: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return refuse(reason(error), error);
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? parsed.data : refuse(describeIssues(parsed.error, json, subject));
}
