import { z } from "zod";
import { describeIssues } from "../errors/describe-issues.js";
import { fail } from "../errors/errors.js";
import type { Batch } from "./batch.js";
import { joinMessage, type Message, readTensors, splitMessage } from "./message.js";

/** A request to score a batch of texts. */
export interface InferRequest {
  /** Is returned in the response. */
  readonly id?: string;
  /** Milliseconds it may wait. */
  readonly timeout?: number;
  /** Whether the response holds the logits as a binary tensor. */
  readonly binaryOutput: boolean;
  readonly inputs: Batch;
}

const count = z.number().int().nonnegative();
/** May be beyond 2^53, although JSON's numbers are rounded there. */
const unsigned = z.number().nonnegative().refine(Number.isInteger, "expected a whole number");
/** Parameters that have no meaning here may have any of the protocol's types. */
const anyValue = z.union([z.string(), z.number(), z.boolean()]);
const schema = z.object({
  id: z.string().optional(),
  parameters: z
    .object({ timeout: unsigned.optional(), priority: unsigned.optional(), binary_data_output: z.boolean().optional() })
    .catchall(anyValue)
    .optional(),
  inputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.string(),
      shape: z.array(count),
      parameters: z.object({ binary_data_size: count.optional() }).catchall(anyValue).optional(),
      data: z.array(z.unknown()).optional(),
    }),
  ),
  outputs: z
    .array(
      z.object({
        name: z.string(),
        parameters: z.object({ binary_data: z.boolean().optional() }).catchall(anyValue).optional(),
      }),
    )
    .optional(),
});

type Input = z.infer<typeof schema>["inputs"][number];

/** The tensors of a batch by their names in the protocol. */
const fields = { input_ids: "inputIds", attention_mask: "attentionMask", token_type_ids: "tokenTypeIds" } as const;

export const tensorNames: readonly string[] = Object.keys(fields);

/** Parameters of extensions that are not supported and would change what a tensor holds. */
const refused = ["classification", "shared_memory_region"];

/** Most items of a list in a message. */
const shown = 5;

const refuse = (problem: string, expected: string): never => fail("bad-inference-request", { problem, expected });

export function encodeRequest({ id, timeout, binaryOutput, inputs }: InferRequest, encoding: "binary" | "json"): Message {
  const tensors = Object.entries(fields).map(([name, field]) => ({ name, data: inputs[field] }));
  const json = {
    ...(id === undefined ? {} : { id }),
    ...(timeout === undefined ? {} : { parameters: { timeout: Math.ceil(timeout * 1000) } }),
    inputs: tensors.map(({ name, data }) => ({
      name,
      shape: [inputs.batch, inputs.sequence],
      datatype: "INT64",
      ...(encoding === "binary" ? { parameters: { binary_data_size: data.byteLength } } : { data: Array.from(data, Number) }),
    })),
    outputs: [{ name: "logits", parameters: { binary_data: binaryOutput } }],
  };
  return joinMessage(json, encoding === "binary" ? tensors.map(({ data }) => data) : []);
}

/**
 * Reads a request, strictly: every input of the model once, with its type and size, and no other.
 * @param headerLength the header Inference-Header-Content-Length, if it was sent
 * @param names the model's inputs
 * @throws bad-inference-request
 */
export function decodeRequest(body: Buffer, headerLength: string | undefined, names: readonly string[]): InferRequest {
  const { json, binary } = splitMessage(body, headerLength, refuse);
  const parsed = schema.safeParse(json);
  if (!parsed.success)
    return refuse(
      `The request is invalid (${describeIssues(parsed.error, json, "the body")})`,
      'an object like {"inputs": [{"name", "shape", "datatype", "data"}]}',
    );
  const { id, parameters = {}, inputs, outputs = [] } = parsed.data;
  const found = inputs.map(({ name }) => name);
  if (found.length !== names.length || names.some((name) => !found.includes(name)))
    refuse(`The inputs are ${found.slice(0, shown).join(", ") || "none"}`, `each of ${names.join(", ")} once`);
  const other = outputs.find(({ name }) => name !== "logits");
  if (other) refuse(`Output ${JSON.stringify(other.name)} is unknown`, "logits");
  for (const { name, parameters = {} } of [...inputs, ...outputs])
    for (const parameter of refused)
      if (parameter in parameters)
        refuse(`${name} has the parameter ${parameter}, which is not supported`, "the tensor itself, as data or as bytes after the JSON");

  const [batch, sequence] = readShape(inputs);
  const tensors = readTensors(binary);
  const data = Object.fromEntries(inputs.map((input) => [input.name, readInput(input, batch * sequence, tensors)]));
  if (tensors.left() !== 0)
    refuse(`${binary.length} bytes follow the JSON`, `${binary.length - tensors.left()}, the sum of all binary_data_size`);
  const zeros = () => new BigInt64Array(batch * sequence);
  return {
    ...(id ? { id } : {}),
    ...(parameters.timeout ? { timeout: parameters.timeout / 1000 } : {}),
    binaryOutput: outputs[0]?.parameters?.binary_data ?? parameters.binary_data_output ?? false,
    inputs: {
      batch,
      sequence,
      inputIds: data.input_ids ?? zeros(),
      attentionMask: data.attention_mask ?? zeros().fill(1n),
      tokenTypeIds: data.token_type_ids ?? zeros(),
    },
  };
}

/** The one [batch, sequence] of all inputs. */
function readShape(inputs: readonly Input[]): readonly [number, number] {
  for (const { name, datatype, shape } of inputs) {
    if (datatype !== "INT64") refuse(`Input ${name} has the datatype ${JSON.stringify(datatype)}`, "INT64");
    if (shape.length !== 2 || shape.includes(0)) refuse(`Input ${name} has the shape [${shape}]`, "[batch, sequence], each at least 1");
  }
  const shapes = new Set(inputs.map(({ shape }) => `[${shape}]`));
  if (shapes.size !== 1) refuse(`The inputs have the shapes ${[...shapes].join(" and ")}`, "one shape for all");
  return inputs[0]!.shape as [number, number];
}

function readInput({ name, parameters, data }: Input, size: number, tensors: ReturnType<typeof readTensors>): BigInt64Array {
  const bytes = parameters?.binary_data_size;
  if ((data === undefined) === (bytes === undefined))
    refuse(`Input ${name} has ${data ? "both" : "neither"}`, "data or parameters.binary_data_size");
  if (bytes !== undefined) {
    if (bytes !== 8 * size) refuse(`Input ${name} has the binary_data_size ${bytes}`, `8 bytes for each of its ${size} numbers`);
    if (bytes > tensors.left()) refuse(`The bytes of input ${name} are incomplete`, `${bytes} of them`);
    return new BigInt64Array(tensors.next(bytes));
  }
  const numbers = data!.flat(); // each row may be a list of its own
  if (numbers.length !== size) refuse(`Input ${name} has ${numbers.length} numbers`, `${size}, as its shape says`);
  if (!numbers.every(Number.isSafeInteger)) refuse(`Input ${name} has data that are not whole numbers`, "whole numbers below 2^53");
  return BigInt64Array.from(numbers as number[], BigInt);
}
