import { type DestinationStream, type Logger, pino } from "pino";
import pretty from "pino-pretty";

export type Log = Logger;

/**
 * The log of a service, on standard error: lines for people, or JSON objects with READABILITY_LOG_FORMAT=json.
 * Texts that users score never go into it.
 */
export function createLog(service: string, env: NodeJS.ProcessEnv = process.env): Log {
  const options = { name: service, level: env.READABILITY_LOG_LEVEL ?? "info", base: { service } };
  const stderr = 2;
  if (env.READABILITY_LOG_FORMAT === "json") return pino(options, pino.destination({ dest: stderr, sync: true }));
  const stream = pretty({
    destination: stderr,
    sync: true,
    colorize: process.stderr.isTTY === true,
    ignore: "pid,hostname,service,name",
    translateTime: "SYS:HH:MM:ss",
  });
  return pino(options, stream as DestinationStream);
}
