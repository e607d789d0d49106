/** What a model scores before it is ready: `batch` texts of one length at once. */
export interface WarmUp {
  /** Tokens. */
  readonly length: number;
  readonly batch: number;
}

interface TritonConfig {
  readonly name: string;
  readonly target: "cpu" | "gpu";
  /** Instances, and the threads of each. */
  readonly sessions: number;
  readonly threads: number;
  /** Each length needs its two files from `warmUpFiles`. */
  readonly warmUps: readonly WarmUp[];
}

/** The defaults of our own server: microseconds in the queue, and requests in it. */
const queue = { timeout: 30_000_000, size: 1000 } as const;

/** The largest batch on a GPU, in texts, and the microseconds that its first text waits for others. */
export const batching = { texts: 64, delay: 2000 } as const;

/** What depends on the target. `batchDims` precede the dimensions of one text: the batch, which Triton itself adds if it batches. */
const profiles = {
  cpu: {
    maxBatchSize: 0,
    batchDims: [-1],
    batching: "# One text per run is fastest on a CPU, and makes its score independent of other texts: this block only bounds the queue.",
    optimization: `# Basic: the graph is built from fused operators, and further fusion makes it slower on CPUs.\noptimization { graph { level: -1 } }\n`,
  },
  gpu: {
    maxBatchSize: batching.texts,
    batchDims: [],
    batching: `# Requests of equal length are batched: clients pad to the length_buckets of metadata.json.\n# The first request of a batch waits this long for others.`,
    optimization: "",
  },
};

/**
 * config.pbtxt of a model with the inputs and output of `buildServingGraph`, for Triton's onnxruntime backend.
 * It names the inputs and outputs, because Triton would otherwise complete the configuration and batch.
 */
export function formatTritonConfig({ name, target, sessions, threads, warmUps }: TritonConfig): string {
  const { maxBatchSize, batchDims, ...parts } = profiles[target];
  const dims = (...ofText: readonly number[]) => `dims: [ ${[...batchDims, ...ofText].join(", ")} ]`;
  const inputs = ["input_ids", "attention_mask", "token_type_ids"].map(
    (input) => `  { name: "${input}" data_type: TYPE_INT64 ${dims(-1)} }`,
  );
  return `name: "${name}"
backend: "onnxruntime"
version_policy { latest { num_versions: 1 } }
max_batch_size: ${maxBatchSize}
input [
${inputs.join(",\n")}
]
output [ { name: "logits" data_type: TYPE_FP32 ${dims(1)} } ]
# ONNX Runtime would else use every core for each of two instances.
instance_group [ { count: ${sessions} kind: KIND_${target.toUpperCase()} } ]
${formatParameter("intra_op_thread_count", threads)}
${formatParameter("inter_op_thread_count", 1)}
# Operators one after the other.
${formatParameter("execution_mode", 0)}
${parts.batching}
# A full queue and a request past its time are answered by 503.
dynamic_batching {${target === "gpu" ? `\n  max_queue_delay_microseconds: ${batching.delay}` : ""}
  default_queue_policy {
    timeout_action: REJECT
    default_timeout_microseconds: ${queue.timeout}
    allow_timeout_override: true
    max_queue_size: ${queue.size}
  }
}
${parts.optimization}${warmUps.length === 0 ? "" : formatWarmUps(warmUps, maxBatchSize > 0)}`;
}

const formatParameter = (key: string, value: number) => `parameters { key: "${key}" value: { string_value: "${value}" } }`;

function formatWarmUps(warmUps: readonly WarmUp[], batches: boolean): string {
  const samples = warmUps.map(({ length, batch }) => {
    const dims = batches ? `dims: [ ${length} ]` : `dims: [ ${batch}, ${length} ]`;
    const input = (name: string, data: string) => `    inputs { key: "${name}" value: { data_type: TYPE_INT64 ${dims} ${data} } }`;
    return `  {
    name: "${batch} x ${length}"
    batch_size: ${batches ? batch : 1}
${input("input_ids", `input_data_file: "input_ids_${length}"`)}
${input("attention_mask", `input_data_file: "attention_mask_${length}"`)}
${input("token_type_ids", "zero_data: true")}
  }`;
  });
  return `# Before the model is ready it scores texts of these lengths, so that memory has grown when the first request comes.\nmodel_warmup [\n${samples.join(",\n")}\n]\n`;
}

/** The files of the folder warmup/ that warm-ups with these texts name: int64, little-endian. @param texts token ids */
export function warmUpFiles(texts: readonly (readonly number[])[]): ReadonlyMap<string, Uint8Array> {
  const bytes = (values: readonly number[]) => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return new Map(
    texts.flatMap((ids) => [
      [`input_ids_${ids.length}`, bytes(ids)] as const,
      [`attention_mask_${ids.length}`, bytes(ids.map(() => 1))] as const,
    ]),
  );
}
