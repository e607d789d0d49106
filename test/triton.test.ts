import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { connectServer } from "../lib/protocol/client.js";
import { encodeRequest } from "../lib/protocol/request.js";
import { decodeResponse } from "../lib/protocol/response.js";
import { readNewestVersion } from "../lib/repository/repository.js";
import { shipped } from "../lib/system/package-files.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { main as optimize } from "../services/optimization/main.js";
import { ask } from "./ask.js";
import type { InferenceServer } from "./inference-server.js";
import { servers } from "./servers.js";
import { copyTiny } from "./tiny-models.js";

const sentences = ["The cat sat on the mat.", "a", "Mats, and cats that sit on them: matting.", "the cat ".repeat(30)];
const python = process.env.TRITONCLIENT_PYTHON;
const running = servers.filter(({ skipped }) => !skipped);
const withTriton = running.some(({ isTriton }) => isTriton);

/** Triton's ONNX Runtime is older than ours, and rounds otherwise to integers; docs/protocol.md tells by how much. */
const precisions = [
  { precision: "fp32", tolerance: 1e-6 },
  { precision: "int8", tolerance: 0.01 },
] as const;

describe.each(precisions)("a repository in $precision that optimization made", ({ precision, tolerance }) => {
  const started: InferenceServer[] = [];
  let texts: readonly (readonly number[])[];
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "readability-triton-"));
    const [model, repository] = [join(folder, "model"), join(folder, "repository")];
    copyTiny("bert", model);
    const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const quick = ["--gate-rows", "5", "--gate", "1", "--seconds", "0.05", "--rounds", "1"];
    await optimize(["--model", model, "--out", repository, "--precision", precision, ...quick]);
    write.mockRestore();
    const { folder: place, metadata } = readNewestVersion(repository);
    const tokenizer = loadTokenizer(place);
    texts = sentences.map((text) => tokenizer.encodeTruncated(text, metadata.max_length));
    for (const server of running) started.push(await server.start(repository));
  });
  afterAll(async () => {
    for (const server of started) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function score(url: string, ids: readonly number[], buckets?: readonly number[]): Promise<number> {
    const client = connectServer(url, "readability", { version: 1, buckets });
    try {
      await client.check();
      return await client.score(ids);
    } finally {
      await client.close();
    }
  }

  it.skipIf(!withTriton)("gets the same scores from our server and from Triton", async () => {
    const differences: number[] = [];
    for (const ids of texts) {
      const [a, b] = [await score(started[0]!.url, ids), await score(started[1]!.url, ids)];
      differences.push(Math.abs(a - b));
    }
    expect(Math.max(...differences)).toBeLessThanOrEqual(tolerance);
  });

  it.skipIf(!withTriton)("tells metrics that Triton has too", async () => {
    await Promise.all(started.map(({ url }) => score(url, texts[0]!)));
    const [here, there] = await Promise.all(started.map(readSeries));
    expect(here!.length).toBeGreaterThan(0);
    expect(there).toEqual(expect.arrayContaining([...here!]));
  });

  /** Names and labels of the metrics of inference. */
  async function readSeries({ metrics }: InferenceServer): Promise<readonly string[]> {
    const lines = (await (await fetch(metrics)).text()).split("\n").filter((line) => line.startsWith("nv_inference"));
    return lines.map((line) => line.replace(/ .*/, "").replace(/\{(.*)\}/, (_, labels: string) => labels.split(",").sort().join()));
  }

  it.skipIf(precision === "int8")("gets the same scores for texts alone, padded and in a batch", async () => {
    for (const { url } of started) {
      const alone = await Promise.all(texts.map((ids) => score(url, ids)));
      const padded = await Promise.all(texts.map((ids) => score(url, ids, [40, 64])));
      const batch = await scoreBatch(url);
      for (const [i, expected] of alone.entries()) for (const found of [padded[i]!, batch[i]!]) expect(found).toBeCloseTo(expected, 5);
    }
  });

  /** Scores all texts in one request, padded to the longest. */
  async function scoreBatch(url: string): Promise<Float32Array> {
    const sequence = Math.max(...texts.map(({ length }) => length));
    const fill = (value: (id: number) => number) =>
      BigInt64Array.from(texts.flatMap((ids) => Array.from({ length: sequence }, (_, i) => BigInt(i < ids.length ? value(ids[i]!) : 0))));
    const [inputIds, attentionMask] = [fill((id) => id), fill(() => 1)];
    const inputs = { batch: texts.length, sequence, inputIds, attentionMask, tokenTypeIds: fill(() => 0) };
    const { body, headers } = encodeRequest({ inputs, binaryOutput: true }, "binary");
    const answer = await ask(url, { method: "POST", path: "/v2/models/readability/infer", headers, body });
    return decodeResponse(answer.body, answer.headers["inference-header-content-length"] as string, (problem) => expect.fail(problem))
      .logits;
  }

  it.skipIf(!python)("gets the same scores through Python's tritonclient", async () => {
    const addresses = started.flatMap(({ url, grpc }) => [url, ...(grpc ? [`grpc://${grpc}`] : [])]);
    const { stdout } = await promisify(execFile)(python!, [shipped("test/tritonclient-check.py"), JSON.stringify(texts), ...addresses]);
    const found = JSON.parse(stdout) as Readonly<Record<string, readonly number[]>>;
    expect(Object.keys(found)).toHaveLength(3 * started.length + (withTriton ? 1 : 0));
    const servers = started.map(({ url }) => Promise.all(texts.map((ids) => score(url, ids))));
    const [here, there = here] = await Promise.all(servers);
    for (const [way, scores] of Object.entries(found)) expect([way, scores]).toEqual([way, way.includes(started[0]!.url) ? here : there]);
  });
});
