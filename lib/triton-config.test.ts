import { describe, expect, it } from "vitest";
import { formatTritonConfig } from "./triton-config.js";

describe("formatTritonConfig", () => {
  const config = formatTritonConfig({ name: "easy", sessions: 4, threads: 2 });

  it("sets instances and threads, as the defaults are two instances that each use every core", () => {
    expect(config).toContain("instance_group [ { count: 4 kind: KIND_CPU } ]");
    expect(config).toContain('parameters { key: "intra_op_thread_count" value: { string_value: "2" } }');
  });

  it("names inputs and output with their shapes, and does not batch", () => {
    expect(config).toContain('name: "easy"\nbackend: "onnxruntime"');
    for (const input of ["input_ids", "attention_mask", "token_type_ids"])
      expect(config).toContain(`{ name: "${input}" data_type: TYPE_INT64 dims: [ -1, -1 ] }`);
    expect(config).toContain('{ name: "logits" data_type: TYPE_FP32 dims: [ -1, 1 ] }');
    expect(config).toContain("max_batch_size: 0");
    expect(config).not.toContain("preferred_batch_size");
  });

  it("bounds the queue, in time and length", () => {
    expect(config).toMatch(
      /timeout_action: REJECT\s+default_timeout_microseconds: 30000000\s+allow_timeout_override: true\s+max_queue_size: 1000/,
    );
  });

  it("keeps the graph as it was built", () => {
    expect(config).toContain("optimization { graph { level: -1 } }");
  });
});
