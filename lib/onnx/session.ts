import { InferenceSession, Tensor } from "onnxruntime-node";
import type { DType, TensorData } from "./graph.js";

/** A tensor with its data. */
export interface Data {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface Session {
  readonly inputs: readonly string[];
  /** Runs the graph; blocks the thread while it does. */
  run(feeds: Readonly<Record<string, Data>>): Promise<Readonly<Record<string, Data>>>;
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly threads: number;
  /** "basic" keeps graphs that were built fused as they are; "all" lets ONNX Runtime fuse. */
  readonly optimization: "basic" | "all";
  /** File name prefix of ONNX Runtime's profile, written when the session closes. */
  readonly profile?: string;
}

/**
 * An ONNX Runtime session on the CPU, for a worker thread: create and run block.
 * @param model path of an .onnx file, or its bytes
 */
export async function createSession(model: string | Uint8Array, { threads, optimization, profile }: SessionOptions): Promise<Session> {
  const session = await InferenceSession.create(model as string, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: optimization,
    logSeverityLevel: 3,
    ...(profile ? { enableProfiling: true, profileFilePrefix: profile } : {}),
  });
  return {
    inputs: session.inputNames,
    async run(feeds) {
      const tensors = Object.fromEntries(
        Object.entries(feeds).map(([name, { dtype, shape, data }]) => [name, new Tensor(dtype as "float32", data as Float32Array, shape)]),
      );
      const results = await session.run(tensors);
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, dims, data }]) => [
          name,
          { dtype: type as DType, shape: dims, data: data as TensorData },
        ]),
      );
    },
    async close() {
      if (profile) session.endProfiling();
      await session.release();
    },
  };
}
