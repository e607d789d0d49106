import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Client, createClient } from "../lib/client/client.js";
import { loadScorer, type Scorer } from "../lib/serving/load-scorer.js";
import { type Running, startCommand, waitForAddress } from "./commands.js";
import { writeRepository } from "./repositories.js";

// The client with a real api, and the scorer of the package beside it.

let folder: string;
let api: Running;
let client: Client;
let scorer: Scorer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "client-"));
  writeRepository(join(folder, "repository"), { metadata: { intervals: [{ coverage: 0.8, half_width: 0.5 }] } });
  api = startCommand(["api", "--repository", "repository", "--port", "0"], { folder });
  client = createClient({ url: await waitForAddress(api) });
  scorer = await loadScorer({ model: join(folder, "repository"), threads: 1 });
});
afterAll(async () => {
  await scorer.close();
  api.child.kill();
  await api.finished;
  rmSync(folder, { recursive: true, force: true });
});

const text = "The cat sat on the mat. It slept. The mat was the cat's.";
const extras = { formulas: true, sentences: true, target: { score: 3 } } as const;

it("gives the same results as the scorer in this process", async () => {
  const result = await scorer.score(text, extras);
  expect(await client.score(text, extras)).toEqual(result);
  expect(await client.predict(text)).toBe(result.score);
  const texts = [text, " ", "the cat"];
  expect(await client.score(texts, extras)).toEqual(await scorer.score(texts, extras));
});

it("streams what the scorer streams", async () => {
  const texts = Array.from({ length: 100 }, (_, id) =>
    id % 10 === 3 ? " " : { id, text: `${"the cat ".repeat(1 + (id % 40))}sat`, ...extras },
  );
  const collect = async (results: AsyncIterable<unknown>) => {
    const all: unknown[] = [];
    for await (const result of results) all.push(result);
    return all;
  };
  const streamed = await collect(client.scoreStream(texts, { target: { score: 1 } }));
  expect(streamed).toHaveLength(100);
  expect(streamed).toEqual(await collect(scorer.scoreAll(texts, { target: { score: 1 } })));
});

it("compares, lists models, and throws what the api answers", async () => {
  const { before, after, difference } = await client.compare("the cat", "the mat");
  expect(difference.score).toBeCloseTo(after.score - before.score, 5);
  expect(await client.models()).toMatchObject([{ model: "readability", version: 1, tables: { intervals: true } }]);
  await expect(client.score(Array(101).fill("a"))).rejects.toMatchObject({
    code: "batch-too-large",
    status: 400,
    requestId: expect.any(String),
  });
});
