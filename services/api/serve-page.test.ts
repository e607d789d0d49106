import { fastify } from "fastify";
import { expect, it } from "vitest";
import { addPage } from "./serve-page.js";

it("serves the page and its assets, for browsers to keep as long as they may", async () => {
  const app = fastify();
  addPage(app);
  const page = await app.inject("/");
  expect(page.statusCode).toBe(200);
  expect(page.headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
  });
  expect(page.body).not.toMatch(/<script(?![^>]*src=)|<style| style=| on\w+=/);
  const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!);
  expect(assets.length).toBe(3);
  for (const url of assets) {
    const { statusCode, headers } = await app.inject(url);
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({ "cache-control": "public, max-age=31536000, immutable" });
  }
  const again = await app.inject({ url: "/", headers: { "if-none-match": page.headers.etag as string } });
  expect([again.statusCode, again.body]).toEqual([304, ""]);
  expect((await app.inject({ method: "HEAD", url: "/" })).statusCode).toBe(200);
  expect((await app.inject({ method: "POST", url: "/" })).statusCode).toBe(404);
});
