import { z } from "zod";
import { describeIssues } from "../errors/describe-issues.js";
import { joinMessage, type Message, readTensors, splitMessage } from "./message.js";

/** The logits of a request's texts. */
export interface InferResponse {
  readonly id?: string;
  readonly model: string;
  readonly version: string;
  /** One a text. */
  readonly logits: Float32Array;
}

const schema = z.object({
  id: z.string().optional(),
  model_name: z.string(),
  model_version: z.string(),
  outputs: z.tuple([
    z.object({
      name: z.literal("logits"),
      datatype: z.literal("FP32"),
      shape: z.tuple([z.number().int().nonnegative(), z.literal(1)]),
      parameters: z.object({ binary_data_size: z.number().int().nonnegative().optional() }).optional(),
      data: z.custom<number[]>((data) => Array.isArray(data) && data.every(Number.isFinite), "must be an array of numbers").optional(),
    }),
  ]),
});

export function encodeResponse({ id, model, version, logits }: InferResponse, encoding: "binary" | "json"): Message {
  const content = encoding === "binary" ? { parameters: { binary_data_size: logits.byteLength } } : { data: Array.from(logits) };
  const json = {
    ...(id === undefined ? {} : { id }),
    model_name: model,
    model_version: version,
    outputs: [{ name: "logits", datatype: "FP32", shape: [logits.length, 1], ...content }],
  };
  return joinMessage(json, encoding === "binary" ? [logits] : []);
}

/**
 * Reads a response.
 * @param headerLength the header Inference-Header-Content-Length, if it was sent
 * @param refuse throws an error with what is wrong
 */
export function decodeResponse(body: Buffer, headerLength: string | undefined, refuse: (problem: string) => never): InferResponse {
  const { json, binary } = splitMessage(body, headerLength, refuse);
  const parsed = schema.safeParse(json);
  if (!parsed.success) return refuse(describeIssues(parsed.error, json));
  const { id, model_name: model, model_version: version, outputs } = parsed.data;
  const [{ shape, parameters, data }] = outputs;
  const bytes = parameters?.binary_data_size;
  const size = shape[0];
  if (bytes === undefined ? data?.length !== size : bytes !== 4 * size || binary.length !== bytes)
    refuse(`its number of logits differs from their shape, which is [${size}, 1]`);
  const logits = data ? Float32Array.from(data) : new Float32Array(readTensors(binary).next(4 * size));
  return { ...(id === undefined ? {} : { id }), model, version, logits };
}
