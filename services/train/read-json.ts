import type { z } from "zod";
import { fail } from "../../lib/errors/errors.js";
import { parseJson } from "../../lib/errors/parse-json.js";
import { readFile } from "../../lib/storage/files.js";

/**
 * Reads a JSON file.
 * @param remedy what to do if it is damaged
 * @throws no-file, file-failed, bad-config
 */
export function readJson<T>(file: string, schema: z.ZodType<T>, remedy: string): T {
  const text = readFile(file, "a JSON file", remedy).toString("utf8");
  return parseJson(text, schema, (problem, cause) => fail("bad-config", { file, problem, remedy }, cause));
}
