import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { FastifyInstance } from "fastify";
import { shipped } from "../../lib/system/package-files.js";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** GET /: the page, and its assets. The names of assets change with their content, so browsers keep them. */
export function addPage(app: FastifyInstance): void {
  const folder = shipped("dist/services/api/page");
  serve("/", "index.html", "no-cache");
  for (const name of readdirSync(join(folder, "assets"))) serve(`/assets/${name}`, `assets/${name}`, "public, max-age=31536000, immutable");

  function serve(url: string, file: string, cache: string): void {
    const content = readFileSync(join(folder, file));
    const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
    const headers = { "content-type": types[extname(file)]!, "cache-control": cache, etag };
    app.get(url, { schema: { hide: true } }, (request, reply) => {
      reply.headers(headers);
      if (request.headers["if-none-match"] === etag) return reply.code(304).send();
      return reply.send(content);
    });
  }
}
