import { error } from "./template.js";

/** The errors of the client that no api sends: a part of the table in errors.ts. */
// biome-ignore format: one error a line
export const clientErrors = {
  "api-unreachable": error(1, "{url} cannot be reached: {cause}. Check the address, and that the api runs there.", 503),
  "api-timeout": error(1, "{url} did not answer within {milliseconds} ms. Try again later, send less at once, or allow a longer timeout.", 504),
  "bad-api-answer": error(1, "{url} did not answer as an api of this project does: {problem}. Check the address.", 502),
} as const;
