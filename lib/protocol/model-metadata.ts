import { z } from "zod";
import { boundedArray } from "../errors/bounded.js";
import { fail } from "../errors/errors.js";
import { tensorNames } from "./request.js";

/** Versions, tensors and dimensions. */
const mostItems = 1000;

const tensorSchema = z.object({ name: z.string(), datatype: z.string(), shape: boundedArray(z.number(), mostItems) });

/** What `GET /v2/models/<model>` answers. A dimension of -1 is open. */
export const modelSchema = z.object({
  name: z.string(),
  versions: boundedArray(z.string(), mostItems),
  platform: z.string(),
  inputs: boundedArray(tensorSchema, mostItems),
  outputs: boundedArray(tensorSchema, mostItems),
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

/**
 * Checks that a server's model takes what the client sends, and answers what it reads.
 * @param url where the description came from
 * @throws other-model
 */
export function checkModel(found: ModelDescription, url: string): void {
  const expected = describeModel(found.name, 1, tensorNames);
  const differences = (["inputs", "outputs"] as const).flatMap((side) => compareTensors(side, found[side], expected[side]));
  if (differences.length > 0) fail("other-model", { url, differences: differences.join("; ") });
}

type Tensors = ModelDescription["inputs"];

function compareTensors(side: string, found: Tensors, expected: Tensors): readonly string[] {
  const kinds = (tensors: Tensors) => new Map(tensors.map(({ name, datatype, shape }) => [name, `${datatype} [${shape}]`]));
  const [has, wants] = [kinds(found), kinds(expected)];
  return [...new Set([...wants.keys(), ...has.keys()])]
    .filter((name) => has.get(name) !== wants.get(name))
    .map((name) => `${name} of its ${side} is ${has.get(name) ?? "missing"}, expected ${wants.get(name) ?? "none"}`);
}
