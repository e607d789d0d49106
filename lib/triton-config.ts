/** How a model is served on the CPU. */
export interface TritonConfig {
  readonly name: string;
  /** Instances, and threads of each. */
  readonly sessions: number;
  readonly threads: number;
}

/** As our own server has them by default: microseconds in the queue, requests in it. */
const queue = { timeout: 30_000_000, size: 1000 } as const;

/**
 * config.pbtxt of a model with the inputs and output of `buildServingGraph`, for Triton's onnxruntime backend.
 * Inputs and outputs are spelled out: Triton would else complete the configuration, and batch.
 */
export function formatTritonConfig({ name, sessions, threads }: TritonConfig): string {
  const inputs = ["input_ids", "attention_mask", "token_type_ids"].map(
    (input) => `  { name: "${input}" data_type: TYPE_INT64 dims: [ -1, -1 ] }`,
  );
  const parameter = (key: string, value: number) => `parameters { key: "${key}" value: { string_value: "${value}" } }`;
  return `name: "${name}"
backend: "onnxruntime"
version_policy { latest { num_versions: 1 } }
# No batching: on a CPU one text a run is fastest, and keeps its score independent of what else is scored.
max_batch_size: 0
input [
${inputs.join(",\n")}
]
output [ { name: "logits" data_type: TYPE_FP32 dims: [ -1, 1 ] } ]
# ONNX Runtime would else use every core for each of two instances.
instance_group [ { count: ${sessions} kind: KIND_CPU } ]
${parameter("intra_op_thread_count", threads)}
${parameter("inter_op_thread_count", 1)}
# A full queue and a request past its time are answered by 503; with max_batch_size 0 this batches nothing.
dynamic_batching {
  default_queue_policy {
    timeout_action: REJECT
    default_timeout_microseconds: ${queue.timeout}
    allow_timeout_override: true
    max_queue_size: ${queue.size}
  }
}
# Operators one after the other.
${parameter("execution_mode", 0)}
# Basic: the graph is built fused, and more fusion makes it slower.
optimization { graph { level: -1 } }
`;
}
