import type { z } from "zod";
import { describeIssues } from "../../lib/errors/describe-issues.js";
import { fail, reason } from "../../lib/errors/errors.js";
import { readFile } from "../../lib/storage/files.js";

/**
 * Reads a JSON file.
 * @param remedy what to do if it is damaged
 * @throws no-file, file-failed, bad-config
 */
export function readJson<T>(file: string, schema: z.ZodType<T>, remedy: string): T {
  const text = readFile(file, "a JSON file", remedy).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return fail("bad-config", { file, problem: reason(error), remedy }, error);
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? parsed.data : fail("bad-config", { file, problem: describeIssues(parsed.error, json), remedy });
}
