import type { IncomingMessage } from "node:http";
import { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { failure, type ReadabilityError, reason } from "../errors/errors.js";

/** Content encodings that are read, by their names in lower case. */
const decoders: ReadonlyMap<string, () => Transform> = new Map([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
]);

/** Bytes of each body that do not count, so that a short request is read even while long ones take all the memory. */
const uncounted = 64 << 10;

/** Retry-After, in seconds, if there was no memory for a body. */
const retryAfter = 1;

/**
 * Makes the app decompress bodies, and bound them before anything reads them: the decompressed size of each by its route's body limit, and
 * all together by `bodiesLimit`. If the app answers before a body has arrived, it reads and drops the rest, so that the answer arrives.
 * @param bodiesLimit bytes of bodies in memory at the same time
 * @param unknownEncoding the error's code
 */
export function addBodies(
  app: FastifyInstance,
  bodiesLimit: number | undefined,
  unknownEncoding: "unknown-encoding" | "unsupported-encoding",
): void {
  let held = 0;

  app.addHook("preParsing", (request, reply, payload, done) => {
    const { "content-length": length, "transfer-encoding": transfer, "content-encoding": encoding = "identity" } = request.headers;
    if (transfer === undefined && !(Number(length) > 0)) return done(null, payload);
    const limit = request.routeOptions.bodyLimit;
    if (Number(length) > limit) return done(failure("too-large", { limit }));
    const name = encoding.trim().toLowerCase();
    const decoder = decoders.get(name)?.();
    if (!decoder && name !== "identity") return done(failure(unknownEncoding, { encoding }));

    let size = 0;
    let counted = 0;
    reply.raw.once("close", () => {
      held -= counted;
    });
    const findRefusal = (bytes: number): ReadabilityError | undefined => {
      size += bytes;
      const more = Math.max(0, size - uncounted) - counted;
      if (size > limit) return failure("too-large", { limit });
      if (bodiesLimit !== undefined && held + more > Math.max(bodiesLimit, limit)) return failure("bodies-too-large", { retryAfter });
      counted += more;
      held += more;
      return undefined;
    };
    const body = new Transform({
      transform(chunk: Buffer, _, next) {
        const refusal = findRefusal(chunk.length);
        if (refusal) next(refusal);
        else next(null, chunk);
      },
    });
    const source = payload as IncomingMessage;
    source.on("error", (error) => body.destroy(error));
    decoder?.on("error", (error) => body.destroy(failure("bad-compression", { cause: reason(error) })));
    body.on("error", () => {
      source.unpipe();
      source.resume();
      decoder?.destroy();
    });
    (decoder ? source.pipe(decoder) : source).pipe(body);
    // Fastify compares the bytes that were sent with the content length.
    done(null, Object.assign(body, decoder ? { receivedEncodedLength: Number(length ?? 0) } : {}));
  });

  app.addHook("onSend", (request, reply, _payload, done) => {
    if (request.raw.complete === false) {
      // Closing now would reset the connection, and the client could lose the answer. The time-out of requests bounds what follows.
      reply.removeHeader("connection");
      reply.raw.shouldKeepAlive = true;
    }
    done();
  });
}
