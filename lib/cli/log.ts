import { type DestinationStream, type Logger, pino } from "pino";
import pretty from "pino-pretty";
import { fail } from "../errors/errors.js";

export type Log = Logger;

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/**
 * The log of a service, on standard error: lines for people, or JSON with READABILITY_LOG_FORMAT=json.
 * It never contains the texts that users score.
 * @throws usage for an unknown READABILITY_LOG_LEVEL
 */
export function createLog(service: string, env: NodeJS.ProcessEnv = process.env): Log {
  const level = env.READABILITY_LOG_LEVEL || "info";
  if (!logLevels.some((known) => known === level))
    fail("usage", {
      problem: `READABILITY_LOG_LEVEL must be one of ${logLevels.join(", ")}, found ${JSON.stringify(level)}`,
      help: "READABILITY_LOG_LEVEL=info",
    });
  const options = { name: service, level, base: { service } };
  const stderr = 2;
  if (env.READABILITY_LOG_FORMAT === "json") return pino(options, pino.destination({ dest: stderr, sync: true }));
  const stream = pretty({
    destination: stderr,
    sync: true,
    singleLine: true,
    colorize: process.stderr.isTTY === true,
    ignore: "pid,hostname,service,name",
    translateTime: "SYS:HH:MM:ss",
  });
  return pino(options, stream as DestinationStream);
}
