import { describe, expect, it } from "vitest";
import { formatTritonConfig, warmUpFiles } from "./triton-config.js";

const inputs = ["input_ids", "attention_mask", "token_type_ids"];

describe("formatTritonConfig", () => {
  const layout = { name: "easy", sessions: 4, threads: 2 };
  const cpu = formatTritonConfig({ ...layout, target: "cpu", warmUps: [] });
  const gpu = formatTritonConfig({ ...layout, target: "gpu", sessions: 1, warmUps: [{ length: 64, batch: 8 }] });

  it("sets instances and threads, as the defaults are two instances that each use every core", () => {
    expect(cpu).toContain("instance_group [ { count: 4 kind: KIND_CPU } ]");
    expect(cpu).toContain('parameters { key: "intra_op_thread_count" value: { string_value: "2" } }');
    expect(gpu).toContain("instance_group [ { count: 1 kind: KIND_GPU } ]");
  });

  it("names inputs and output with their shapes, and does not batch on a CPU", () => {
    expect(cpu).toContain('name: "easy"\nbackend: "onnxruntime"');
    for (const input of inputs) expect(cpu).toContain(`{ name: "${input}" data_type: TYPE_INT64 dims: [ -1, -1 ] }`);
    expect(cpu).toContain('{ name: "logits" data_type: TYPE_FP32 dims: [ -1, 1 ] }');
    expect(cpu).toContain("max_batch_size: 0");
    expect(cpu).not.toMatch(/preferred_batch_size|queue_delay/);
  });

  it("batches on a GPU: the batch is Triton's own dimension", () => {
    for (const input of inputs) expect(gpu).toContain(`{ name: "${input}" data_type: TYPE_INT64 dims: [ -1 ] }`);
    expect(gpu).toContain('{ name: "logits" data_type: TYPE_FP32 dims: [ 1 ] }');
    expect(gpu).toContain("max_batch_size: 64");
    expect(gpu).toContain("max_queue_delay_microseconds: 2000");
  });

  it.each([cpu, gpu])("bounds the queue, in time and length", (config) => {
    expect(config).toMatch(
      /timeout_action: REJECT\s+default_timeout_microseconds: 30000000\s+allow_timeout_override: true\s+max_queue_size: 1000/,
    );
  });

  it("keeps the graph as it was built, on a CPU", () => {
    expect(cpu).toContain("optimization { graph { level: -1 } }");
    expect(gpu).not.toContain("optimization {");
  });

  it("warms up with the files of the ids, the batch inside their shape or beside it", () => {
    expect(gpu).toMatch(/batch_size: 8\s.*dims: \[ 64 \] input_data_file: "input_ids_64"/s);
    expect(formatTritonConfig({ ...layout, target: "cpu", warmUps: [{ length: 256, batch: 1 }] })).toMatch(
      /batch_size: 1\s.*dims: \[ 1, 256 \] input_data_file: "input_ids_256"/s,
    );
    expect(cpu).not.toContain("model_warmup");
  });
});

describe("warmUpFiles", () => {
  it("holds ids and a mask as little-endian int64", () => {
    const files = warmUpFiles([[101, 7, 102]]);
    expect([...files.keys()]).toEqual(["input_ids_3", "attention_mask_3"]);
    const numbers = (name: string) => [0, 8, 16].map((at) => Number(Buffer.from(files.get(name)!).readBigInt64LE(at)));
    expect([numbers("input_ids_3"), numbers("attention_mask_3")]).toEqual([
      [101, 7, 102],
      [1, 1, 1],
    ]);
  });
});
