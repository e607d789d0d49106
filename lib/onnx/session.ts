import "../system/no-telemetry.js"; // must be the first import: see there
import { createRequire } from "node:module";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { DType, TensorData } from "./dtypes.js";

/** The version of ONNX Runtime. */
export const { version: onnxRuntime } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { readonly version: string };

/** A tensor with its data. */
export interface Data {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

interface Session {
  readonly inputs: readonly string[];
  /**
   * Runs the graph. Blocks the thread.
   * @param into arrays that the named outputs are written to; the other outputs get new ones
   */
  run(feeds: Readonly<Record<string, Data>>, into?: Readonly<Record<string, Data>>): Promise<Readonly<Record<string, Data>>>;
  close(): Promise<void>;
}

interface SessionOptions {
  readonly threads: number;
  /** "basic" is for graphs that are built fused. "all" lets ONNX Runtime fuse. */
  readonly optimization: "basic" | "all";
}

/**
 * An ONNX Runtime session on the CPU. Creating and running it block the thread: use a worker thread.
 * @param model path of an .onnx file, or its bytes
 */
export async function createSession(model: string | Uint8Array, { threads, optimization }: SessionOptions): Promise<Session> {
  const session = await InferenceSession.create(model as string, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: optimization,
    logSeverityLevel: 3,
  });
  return {
    inputs: session.inputNames,
    async run(feeds, into = {}) {
      const fetches = Object.fromEntries(session.outputNames.map((name) => [name, into[name] ? toTensor(into[name]) : null]));
      const results = await session.run(mapValues(feeds, toTensor), fetches);
      return mapValues(results, ({ type, dims, data }) => ({ dtype: type as DType, shape: dims, data: data as TensorData }));
    },
    close: () => session.release(),
  };
}

const toTensor = ({ dtype, shape, data }: Data) => new Tensor(dtype as "float32", data as Float32Array, shape);

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
