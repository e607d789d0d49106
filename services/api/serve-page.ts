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

/** The page loads its own files and asks its own server, and nothing else. */
const policy = [
  "default-src 'none'",
  ...["script-src", "style-src", "connect-src", "img-src"].map((kind) => `${kind} 'self'`),
  ...["base-uri", "form-action", "frame-ancestors"].map((kind) => `${kind} 'none'`),
].join("; ");

/** GET /: the page, and its assets. The names of assets change with their content, so browsers keep them. */
export function addPage(app: FastifyInstance): void {
  const folder = shipped("dist/services/api/page");
  serve("/", "index.html", "no-cache", { "content-security-policy": policy, "referrer-policy": "no-referrer" });
  for (const name of readdirSync(join(folder, "assets"))) serve(`/assets/${name}`, `assets/${name}`, "public, max-age=31536000, immutable");

  function serve(url: string, file: string, cache: string, headers: Readonly<Record<string, string>> = {}): void {
    const content = readFileSync(join(folder, file));
    const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
    const all = { ...headers, "content-type": types[extname(file)]!, "cache-control": cache, "x-content-type-options": "nosniff", etag };
    app.get(url, { schema: { hide: true } }, (request, reply) => {
      reply.headers(all);
      if (request.headers["if-none-match"] === etag) return reply.code(304).send();
      return reply.send(content);
    });
  }
}
