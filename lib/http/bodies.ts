import type { IncomingMessage } from "node:http";
import { PassThrough, Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
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

/** The bytes of all bodies in memory. */
export interface BodyMemory {
  /** Begins to count a body. @param limit bytes that the body may have, even if all bodies may have fewer */
  open(limit: number): CountedBody;
}

interface CountedBody {
  /** Counts more bytes of the body, or fewer. @returns bodies-too-large if there is no memory for them */
  add(bytes: number): ReadabilityError | undefined;
  /** The body is no longer in memory. */
  close(): void;
}

export interface BodyOptions {
  /** Bytes of bodies in memory at the same time. */
  readonly bodiesLimit?: number | undefined;
  /** The code of the error for an unknown content encoding. */
  readonly unknownEncoding: "unknown-encoding" | "unsupported-encoding";
  /** Whether the route reads the body while it arrives: its size is then unbounded, and the route counts what it keeps of it. */
  readonly isStreamed?: (request: FastifyRequest) => boolean;
}

/**
 * Makes the app decompress bodies, and bound them before anything reads them: the decompressed size of each by its route's body limit, and
 * all together. If the app answers before a body has arrived, it reads and drops the rest, so that the answer arrives.
 */
export function addBodies(app: FastifyInstance, { bodiesLimit = Infinity, unknownEncoding, isStreamed }: BodyOptions): BodyMemory {
  const memory = createMemory(bodiesLimit);

  app.addHook("preParsing", (request, reply, payload, done) => {
    const { "content-length": length, "transfer-encoding": transfer, "content-encoding": encoding = "identity" } = request.headers;
    if (transfer === undefined && !(Number(length) > 0)) return done(null, payload);
    const streamed = isStreamed?.(request) ?? false;
    const limit = streamed ? Infinity : request.routeOptions.bodyLimit;
    if (Number(length) > limit) return done(failure("too-large", { limit }));
    const name = encoding.trim().toLowerCase();
    const decoder = decoders.get(name)?.();
    if (!decoder && name !== "identity") return done(failure(unknownEncoding, { encoding }));

    const body = streamed ? new PassThrough() : boundBody(limit, reply);
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
  return memory;

  /** Passes a body on as long as there is room for it. */
  function boundBody(limit: number, reply: FastifyReply): Transform {
    let size = 0;
    const counted = memory.open(limit);
    reply.raw.once("close", counted.close);
    return new Transform({
      transform(chunk: Buffer, _, next) {
        size += chunk.length;
        const refusal = size > limit ? failure("too-large", { limit }) : counted.add(chunk.length);
        if (refusal) next(refusal);
        else next(null, chunk);
      },
    });
  }
}

function createMemory(bodiesLimit: number): BodyMemory {
  let held = 0;
  return {
    open(limit) {
      const most = limit === Infinity ? bodiesLimit : Math.max(bodiesLimit, limit);
      let size = 0;
      let counted = 0;
      const count = (bytes: number) => {
        held += bytes - counted;
        counted = bytes;
      };
      return {
        add(bytes) {
          const needed = Math.max(0, size + bytes - uncounted);
          if (needed > counted && held + needed - counted > most) return failure("bodies-too-large", { retryAfter });
          size += bytes;
          count(needed);
          return undefined;
        },
        close() {
          size = 0;
          count(0);
        },
      };
    },
  };
}
