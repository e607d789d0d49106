import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { connectServer } from "../lib/protocol/client.js";
import { readNewestVersion } from "../lib/repository/repository.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { main } from "../services/optimization/main.js";
import type { InferenceServer } from "./inference-server.js";
import { copyTiny } from "./tiny-models.js";
import { startTriton } from "./triton.js";

const installed = process.env.TRITON_DIR;
const why = installed ? "" : " (skipped: TRITON_DIR names no installation of Triton Inference Server)";

/** What Triton made of config.pbtxt. */
interface Configuration {
  readonly max_batch_size: number;
  readonly model_warmup: readonly { readonly name: string }[];
  readonly dynamic_batching: { readonly max_queue_delay_microseconds: number; readonly default_queue_policy: object };
  readonly instance_group: readonly { readonly count: number }[];
  readonly input: readonly { readonly dims: readonly number[] }[];
  readonly output: readonly { readonly dims: readonly number[] }[];
}

describe.skipIf(!installed).each(["cpu", "gpu"] as const)(`Triton serves what optimization makes for a %s${why}`, (target) => {
  const folder = mkdtempSync(join(tmpdir(), "triton-config-"));
  const repository = join(folder, "repository");
  const config = join(repository, "readability", "config.pbtxt");
  let triton: InferenceServer;

  beforeAll(async () => {
    copyTiny("bert", join(folder, "model"));
    const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const quick = ["--seconds", "0.05", "--rounds", "1", "--gate-rows", "4", "--gate", "1"];
    await main(["--model", join(folder, "model"), "--out", repository, "--target", target, ...quick]);
    write.mockRestore();
    // There is no GPU here: all but the kind of instance is as it is written for one.
    writeFileSync(config, readFileSync(config, "utf8").replace("KIND_GPU", "KIND_CPU"));
    triton = await startTriton(installed!, repository);
  });
  afterAll(async () => {
    await triton?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const get = async <T>(path: string) => (await (await fetch(`${triton.url}/v2/models/readability${path}`)).json()) as T;

  it("with this configuration", async () => {
    const { max_batch_size, model_warmup, dynamic_batching, instance_group, input, output } = await get<Configuration>("/config");
    expect(max_batch_size).toBe(target === "gpu" ? 64 : 0);
    expect(model_warmup.map(({ name }) => name)).toEqual(target === "gpu" ? ["1 x 64", "64 x 64"] : ["1 x 64"]);
    expect(dynamic_batching.max_queue_delay_microseconds).toBe(target === "gpu" ? 2000 : 0);
    expect(dynamic_batching.default_queue_policy).toMatchObject({ timeout_action: "REJECT", max_queue_size: 1000 });
    expect(instance_group[0]!.count).toBe(readNewestVersion(repository).metadata.sessions);
    expect(input.map(({ dims }) => dims)).toEqual(Array(3).fill(target === "gpu" ? [-1] : [-1, -1]));
    expect(output[0]!.dims).toEqual(target === "gpu" ? [1] : [-1, 1]);
  });

  it("with the inputs and output of the contract", async () => {
    const { inputs, outputs } = await get<{ readonly inputs: unknown; readonly outputs: unknown }>("");
    expect(inputs).toEqual(["input_ids", "attention_mask", "token_type_ids"].map((name) => ({ name, datatype: "INT64", shape: [-1, -1] })));
    expect(outputs).toEqual([{ name: "logits", datatype: "FP32", shape: [-1, 1] }]);
  });

  it("after it has warmed up, with the scores of the reference texts", async () => {
    const { metadata, folder } = readNewestVersion(repository);
    const tokenizer = loadTokenizer(folder);
    const client = connectServer(triton.url, "readability", { version: 1 });
    for (const { text, score } of metadata.reference.texts) {
      const served = await client.score(tokenizer.encodeTruncated(text, metadata.max_length));
      expect(Math.abs(served - score)).toBeLessThan(target === "gpu" ? 5e-3 : metadata.reference.tolerance);
    }
    await client.close();
  });
});

describe.skipIf(!installed)(`Triton reads the configuration for a GPU${why}`, () => {
  it("and says of it alone that there is no GPU", async () => {
    const folder = mkdtempSync(join(tmpdir(), "triton-gpu-"));
    try {
      copyTiny("bert", join(folder, "model"));
      const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
      await main(["--model", join(folder, "model"), "--out", join(folder, "repository"), "--target", "gpu", "--gate-rows", "4"]);
      write.mockRestore();
      await expect(startTriton(installed!, join(folder, "repository"))).rejects.toThrow("has kind KIND_GPU but no GPUs are available");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
