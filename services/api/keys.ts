import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Log } from "../../lib/cli/log.js";
import { fail, failure, reason } from "../../lib/errors/errors.js";
import { readFile, stampFile } from "../../lib/storage/files.js";

interface Key {
  readonly name: string;
  /** SHA-256 of the key. */
  readonly hash: Buffer;
}

/** The API keys of a file. */
export interface Keys {
  /** The name of a key; undefined if it is none of them. */
  find(key: string): string | undefined;
  /** Reads the file again if it has changed. If it is invalid, the keys stay as they were, and the log says why. */
  poll(): Promise<void>;
}

const largestFile = 1 << 20;

/**
 * Reads a file of keys: on each line the SHA-256 hash of one, in hex, and a name for the log. Blank lines and those with # are ignored.
 * @throws bad-keys; no-file and what else reading throws
 */
export function openKeys(file: string, log: Log): Keys {
  let stamp = stampFile(file);
  let keys = readKeys(file);
  return {
    find(key) {
      const hash = createHash("sha256").update(key).digest();
      // Compares with all of them, so that the time tells nothing.
      return keys.filter((known) => timingSafeEqual(known.hash, hash))[0]?.name;
    },
    async poll() {
      const now = stampFile(file);
      if (now === stamp) return;
      stamp = now;
      try {
        keys = readKeys(file);
        log.info({ keys: keys.length }, `read ${file} again`);
      } catch (error) {
        log.error(`the API keys stay as they were: ${reason(error)}`);
      }
    },
  };
}

function readKeys(file: string): readonly Key[] {
  const remedy = "Choose another file with --keys.";
  const lines = readFile(file, "a file of API keys", remedy, largestFile).toString().split(/\r?\n/);
  return lines.flatMap((line, i) => {
    if (/^\s*(#|$)/.test(line)) return [];
    const [, hash, name] = /^\s*([0-9a-f]{64})\s+(\S.*?)\s*$/i.exec(line) ?? [];
    // The line itself may be a key: the message must not have it.
    if (hash === undefined || name === undefined) return fail("bad-keys", { file, line: i + 1, problem: "it has no hash or no name" });
    return [{ name, hash: Buffer.from(hash, "hex") }];
  });
}

declare module "fastify" {
  interface FastifyRequest {
    /** The name of the client's key, if keys are asked for. */
    client: string | undefined;
  }
}

/** Asks for a key on the routes that are registered after it. Without keys, everybody may use them. */
export function addKeys(app: FastifyInstance, keys: Keys | undefined): void {
  if (!keys) return;
  app.addHook("onRequest", (request, reply, done) => {
    const key = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
    request.client = key === undefined ? undefined : keys.find(key);
    if (request.client !== undefined) return void done();
    reply.header("www-authenticate", key === undefined ? "Bearer" : 'Bearer error="invalid_token"');
    done(failure("unauthorized", {}));
  });
}
