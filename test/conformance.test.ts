import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, inflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { headerLength } from "../lib/protocol/message.js";
import { type Answered, ask } from "./ask.js";
import { conformance, type Expected, impatient } from "./conformance.js";
import { describeConformance } from "./conformance-page.js";
import { slowGraph } from "./graphs.js";
import type { InferenceServer } from "./inference-server.js";
import { writeRepository } from "./repositories.js";
import { servers } from "./servers.js";

describe.each(servers)("$name", ({ skipped, start, isTriton }) => {
  let server: InferenceServer;
  let folder: string;
  beforeAll(async () => {
    if (skipped) return;
    folder = mkdtempSync(join(tmpdir(), "conformance-"));
    writeRepository(folder);
    server = await start(folder);
  });
  afterAll(async () => {
    if (skipped) return;
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.skipIf(skipped)("answers 503 to what waits longer than its timeout", async () => {
    const slow = mkdtempSync(join(tmpdir(), "conformance-slow-"));
    writeRepository(slow, { graph: slowGraph(20), metadata: { reference: { tolerance: 1e9, texts: [{ text: "a", score: 0 }] } } });
    const busy = await start(slow);
    // One session: at most one of them does not wait.
    const statuses = await Promise.all([1, 2, 3, 4].map(async () => (await ask(busy.url, impatient)).status));
    await busy.stop();
    rmSync(slow, { recursive: true });
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThanOrEqual(3);
    expect(statuses.every((status) => [200, 503].includes(status))).toBe(true);
  });

  for (const [group, cases] of Object.entries(conformance))
    describe.skipIf(skipped)(group, () => {
      it.each(cases)("$name", async ({ ask: request, answer, triton }) => {
        expectAnswer(await ask(server.url, request), isTriton && triton ? triton : answer);
      });
    });
});

function expectAnswer({ status, headers, body }: Answered, expected: Expected): void {
  const encoding = headers["content-encoding"];
  const text = encoding === "gzip" ? gunzipSync(body) : encoding === "deflate" ? inflateSync(body) : body;
  expect({ status, encoding, text: text.toString() }).toMatchObject({ status: expected.status, encoding: expected.encoding });
  if (expected.binary) {
    const length = Number(headers[headerLength]);
    const { outputs } = JSON.parse(text.toString("utf8", 0, length));
    expect(outputs).toEqual([
      { name: "logits", datatype: "FP32", shape: [expected.binary.length, 1], parameters: { binary_data_size: text.length - length } },
    ]);
    expect(expected.binary.map((_, i) => text.readFloatLE(length + 4 * i))).toEqual(expected.binary);
    return;
  }
  const error = { error: expect.stringMatching(/./) };
  expect(parse(text.toString())).toEqual("body" in expected ? expected.body : error);
}

/** Numbers as floats of 32 bits, which servers print with more or fewer digits. */
function parse(text: string): unknown {
  const round = (_: string, value: unknown) => (typeof value === "number" && !Number.isInteger(value) ? Math.fround(value) : value);
  return text === "" ? "" : JSON.parse(text, round);
}

it("is what docs/protocol.md says", async () => {
  await expect(describeConformance(conformance)).toMatchFileSnapshot("../docs/protocol.md");
});
