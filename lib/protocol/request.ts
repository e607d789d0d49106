import { z } from "zod";
import { boundedArray, boundedObject } from "../errors/bounded.js";
import { clip, describeIssues, listNames } from "../errors/describe-issues.js";
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

/** What a model can be asked. What is missing is not checked. */
export interface Bounds {
  /** Texts of one request. */
  readonly texts?: number | undefined;
  /** Tokens of one text. */
  readonly tokens?: number | undefined;
  /** Rows of the tables of token ids and of token types. */
  readonly vocabulary?: number | undefined;
  readonly tokenTypes?: number | undefined;
}

/** Most inputs, outputs and dimensions that are read: more than any request needs. */
const mostItems = 16;

const count = z.number().int().nonnegative();
/** May be beyond 2^53, although JSON's numbers are rounded there. */
const unsigned = z.number().nonnegative().refine(Number.isInteger, "expected a whole number");
/** Parameters that have no meaning here may have any of the protocol's types. */
const anyValue = z.union([z.string(), z.number(), z.boolean()]);
const parametersOf = <S extends z.ZodRawShape>(shape: S) => boundedObject(z.object(shape).catchall(anyValue)).optional();

const schema = z.object({
  id: z.string().optional(),
  parameters: parametersOf({ timeout: unsigned.optional(), priority: unsigned.optional(), binary_data_output: z.boolean().optional() }),
  inputs: boundedArray(
    z.object({
      name: z.string(),
      datatype: z.string(),
      shape: boundedArray(count, mostItems),
      parameters: parametersOf({ binary_data_size: count.optional() }),
      data: z.custom<unknown[]>(Array.isArray, "must be an array").optional(), // readInput reads the items
    }),
    mostItems,
  ),
  outputs: boundedArray(
    z.object({ name: z.string(), parameters: parametersOf({ binary_data: z.boolean().optional() }) }),
    mostItems,
  ).optional(),
});

type Input = z.infer<typeof schema>["inputs"][number];

/** The tensors of a batch by their names in the protocol. */
const fields = { input_ids: "inputIds", attention_mask: "attentionMask", token_type_ids: "tokenTypeIds" } as const;

export const tensorNames: readonly string[] = Object.keys(fields);

/** Parameters of extensions that are not supported and would change what a tensor holds. */
const refused = ["classification", "shared_memory_region"];

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
 * @throws bad-inference-request; batch-too-large
 */
export function decodeRequest(body: Buffer, headerLength: string | undefined, names: readonly string[], bounds: Bounds = {}): InferRequest {
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
    refuse(`The inputs are ${listNames(found) || "none"}`, `each of ${names.join(", ")} once`);
  const other = outputs.find(({ name }) => name !== "logits");
  if (other) refuse(`Output ${JSON.stringify(clip(other.name))} is unknown`, "logits");
  for (const { name, parameters = {} } of [...inputs, ...outputs])
    for (const parameter of refused)
      if (parameter in parameters)
        refuse(`${name} has the parameter ${parameter}, which is not supported`, "the tensor itself, as data or as bytes after the JSON");

  const [batch, sequence] = readShape(inputs, bounds);
  const tensors = readTensors(binary);
  const data = Object.fromEntries(inputs.map((input) => [input.name, readInput(input, batch * sequence, tensors)]));
  if (tensors.left() !== 0)
    refuse(`${binary.length} bytes follow the JSON`, `${binary.length - tensors.left()}, the sum of all binary_data_size`);
  checkIds("input_ids", data.input_ids, bounds.vocabulary);
  checkIds("token_type_ids", data.token_type_ids, bounds.tokenTypes);
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

/** The one [batch, sequence] of all inputs. Nothing of that size is allocated before. */
function readShape(inputs: readonly Input[], { texts = Infinity, tokens = Infinity }: Bounds): readonly [number, number] {
  for (const { name, datatype, shape } of inputs) {
    if (datatype !== "INT64") refuse(`Input ${name} has the datatype ${JSON.stringify(clip(datatype))}`, "INT64");
    if (shape.length !== 2 || shape.includes(0)) refuse(`Input ${name} has the shape [${shape}]`, "[batch, sequence], each at least 1");
  }
  const shapes = new Set(inputs.map(({ shape }) => `[${shape}]`));
  if (shapes.size !== 1) refuse(`The inputs have the shapes ${[...shapes].join(" and ")}`, "one shape for all");
  const [batch, sequence] = inputs[0]!.shape as [number, number];
  if (batch > texts) fail("batch-too-large", { texts: batch, limit: texts });
  if (sequence > tokens) refuse(`Each text has ${sequence} tokens`, `at most ${tokens}`);
  return [batch, sequence];
}

/** Refuses ids that are no rows of a table. ONNX Runtime counts negative ones from the table's end. */
function checkIds(name: string, ids: BigInt64Array | undefined, rows: number | undefined): void {
  if (ids === undefined || rows === undefined) return;
  const halves = new Uint32Array(ids.buffer, ids.byteOffset, 2 * ids.length); // low and high: faster than bigints
  for (let i = 0; i < ids.length; i++)
    if (halves[2 * i + 1] !== 0 || halves[2 * i]! >= rows) refuse(`Input ${name} has the id ${ids[i]}`, `ids from 0 to ${rows - 1}`);
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
  let found = 0;
  for (const row of data!) found += Array.isArray(row) ? row.length : 1;
  if (found !== size) refuse(`Input ${name} has ${found} numbers`, `${size}, as its shape says`);
  const result = new BigInt64Array(size);
  const halves = new Uint32Array(result.buffer); // low and high: faster than bigints
  let i = 0;
  for (const row of data!)
    for (const number of Array.isArray(row) ? row : [row]) {
      if (!Number.isSafeInteger(number)) refuse(`Input ${name} has data that are not whole numbers`, "whole numbers below 2^53");
      halves[i++] = number;
      halves[i++] = Math.floor(number / 2 ** 32);
    }
  return result;
}
