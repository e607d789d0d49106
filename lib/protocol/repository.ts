import { z } from "zod";
import { fail, reason } from "../errors.js";

const schema = z.object({ ready: z.boolean().optional() });

/**
 * Whether the body of a request for the repository's index, which may be empty, asks for nothing but models that are ready.
 * @throws bad-inference-request
 */
export function wantsReady(body: Buffer | undefined): boolean {
  try {
    return schema.parse(body?.length ? JSON.parse(body.toString()) : {}).ready ?? false;
  } catch (error) {
    const problem = error instanceof z.ZodError ? z.prettifyError(error) : reason(error);
    return fail("bad-inference-request", { problem: `The body is no index request (${problem})`, expected: '{"ready": true}, or nothing' });
  }
}
