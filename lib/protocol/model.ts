import { z } from "zod";

const tensorSchema = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()) });

/** What `GET /v2/models/<model>` answers. A dimension of -1 is open. */
export const modelSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensorSchema),
  outputs: z.array(tensorSchema),
});

export type ModelDescription = z.infer<typeof modelSchema>;

/** @param inputs names of the graph's inputs, each int64 [batch, sequence] */
export function describeModel(name: string, version: number, inputs: readonly string[]): ModelDescription {
  return {
    name,
    versions: [String(version)],
    platform: "onnxruntime_onnx",
    inputs: inputs.map((name) => ({ name, datatype: "INT64", shape: [-1, -1] })),
    outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 1] }],
  };
}
