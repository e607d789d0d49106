import { z } from "zod";
import { fail, reason } from "../../lib/errors/errors.js";
import { readFile } from "../../lib/storage/files.js";

/**
 * Reads a JSON file.
 * @param remedy what to do if it is damaged
 * @throws no-file, file-failed, bad-config
 */
export function readJson<T>(file: string, schema: z.ZodType<T>, remedy: string): T {
  const text = readFile(file, "a JSON file", remedy).toString("utf8");
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    return fail("bad-config", { file, problem: describeProblem(error), remedy }, error);
  }
}

/** Why a value could not be parsed, in one line. */
export function describeProblem(error: unknown): string {
  return error instanceof z.ZodError ? z.prettifyError(error).replace(/\s+/g, " ") : reason(error);
}
