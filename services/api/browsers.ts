import { constants } from "node:zlib";
import compress from "@fastify/compress";
import cors from "@fastify/cors";
import helmet from "@fastify/helmet";
import type { FastifyInstance } from "fastify";

/** Headers that a page of another origin may read. */
const exposedHeaders = [
  "x-request-id",
  "traceparent",
  "server-timing",
  "x-cache",
  "retry-after",
  "ratelimit",
  "ratelimit-policy",
  "www-authenticate",
];

/** Lets pages of these origins use the api; "*" is all of them. None: only the api's own pages. */
export function addCors(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.register(cors, {
    origin: origins.includes("*") ? "*" : [...origins],
    methods: ["GET", "HEAD", "POST"],
    allowedHeaders: ["authorization", "content-type", "content-encoding", "traceparent", "x-request-id"],
    exposedHeaders,
    maxAge: 600,
  });
}

const self = ["'self'"];
const none = ["'none'"];

/** Headers that tell browsers what a page of the api may do: load its own files, and call the api. */
export function addHelmet(app: FastifyInstance): void {
  app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        ...{ defaultSrc: none, scriptSrc: self, styleSrc: self, imgSrc: self, fontSrc: self, connectSrc: self },
        ...{ baseUri: none, formAction: none, frameAncestors: none },
      },
    },
    strictTransportSecurity: false, // a matter of whoever adds TLS
  });
}

/** Bytes from which an answer is compressed. */
const fewestBytes = 1024;

/** Compresses answers that are not short, with what the client accepts. A route may say no with `compress: false`. */
export function addCompression(app: FastifyInstance): void {
  app.register(compress, {
    globalDecompression: false,
    encodings: ["br", "gzip"],
    threshold: fewestBytes,
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } },
  });
}
