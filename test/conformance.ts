import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { expect } from "vitest";
import { joinMessage } from "../lib/protocol/message.js";
import type { Ask } from "./ask.js";
import { meanScore } from "./graphs.js";

/** A server's response. */
export interface Expected {
  readonly status: number;
  /** The parsed JSON, or the text of an empty body. Default: any object with an error message. */
  readonly body?: unknown;
  /** Scores of a binary response, instead of `body`. */
  readonly binary?: readonly number[];
  readonly encoding?: string;
}

/** A request and the response of both servers, or Triton's different response and the reason for it. */
export interface Case {
  readonly name: string;
  readonly ask: Ask;
  readonly answer: Expected;
  readonly triton?: Expected & { readonly why: string };
}

/** The model that `writeRepository` writes. */
const model = "/v2/models/readability";
const names = ["input_ids", "attention_mask", "token_type_ids"];
const rows = [
  [1, 2],
  [3, 4],
  [5, 7],
];
const typeless = meanScore([1, 2]);

type Tensor = Record<string, unknown>;
const tensor = (name: string, change: Tensor = {}): Tensor => ({
  name,
  shape: [1, 2],
  datatype: "INT64",
  data: name === "input_ids" ? [1, 2] : name === "attention_mask" ? [1, 1] : [0, 0],
  ...change,
});
const good = names.map((name) => tensor(name));
const first = (change: Tensor) => ({ inputs: [tensor("input_ids", change), ...good.slice(1)] });
const all = (change: (name: string) => Tensor) => ({ inputs: names.map((name) => tensor(name, change(name))) });
const without = (field: string) => ({ inputs: good.map((input) => ({ ...input, [field]: undefined })) });

const get = (path: string): Ask => ({ method: "GET", path });
const send = (body: string | Buffer, headers: Ask["headers"] = {}, path = `${model}/infer`): Ask => ({
  method: "POST",
  path,
  body,
  headers,
});
const infer = (content: object, headers?: Ask["headers"], path?: string) => send(JSON.stringify(content), headers, path);
const control = (action: "load" | "unload") => send("{}", {}, `/v2/repository/models/readability/${action}`);
const index = (body: string) => send(body, {}, "/v2/repository/index");
const parameters = (parameters: object) => infer({ inputs: good, parameters });
const output = (parameters: object, more: object = {}) => infer({ inputs: good, outputs: [{ name: "logits", parameters }], ...more });

const numbers: Readonly<Record<string, readonly number[]>> = { input_ids: [1, 2], attention_mask: [1, 1], token_type_ids: [0, 0] };
const bytesOf = (name: string) => BigInt64Array.from(numbers[name]!, BigInt);
const inBinary = (order: readonly string[], binary: readonly string[] = order, size = 16) =>
  joinMessage(
    {
      inputs: order.map((name) =>
        binary.includes(name) ? tensor(name, { data: undefined, parameters: { binary_data_size: size } }) : tensor(name),
      ),
    },
    binary.map(bytesOf),
  );
const whole = inBinary(names);
const message = ({ body, headers }: { readonly body: Buffer; readonly headers: Ask["headers"] }): Ask => send(body, headers);
const withLength = (body: Buffer, length = whole.headers["inference-header-content-length"]!) =>
  send(body, { "inference-header-content-length": length });

const scored = (scores: readonly number[] = [typeless], more: object = {}): Expected => ({
  status: 200,
  body: {
    ...more,
    model_name: "readability",
    model_version: "1",
    outputs: [{ name: "logits", datatype: "FP32", shape: [scores.length, 1], data: scores }],
  },
});
const empty: Expected = { status: 200, body: "" };
const error = (status: number, text?: string): Expected =>
  text === undefined ? { status } : { status, body: { error: expect.stringContaining(text) } };
const exactly = (status: number, text: string): Expected => ({ status, body: { error: text } });
const unknown = (what: string) => error(404, `Request for unknown model: ${what} is not found`);
const notReady = exactly(400, "Model version not ready");
const notFound = exactly(404, "Not Found");
const notAllowed = exactly(405, "Method Not Allowed");

/** Both servers refuse the request; Triton reports a server error. */
const unparsed = { status: 500, why: "Triton answers 500 if it cannot parse a request. The client is at fault, so we answer 400." };
const lenient = (why: string, answer: Expected = scored()) => ({ ...answer, why });

const description = {
  name: "readability",
  versions: ["1"],
  platform: "onnxruntime_onnx",
  inputs: names.map((name) => ({ name, datatype: "INT64", shape: [-1, -1] })),
  outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 1] }],
};
const configuration: Expected = {
  status: 200,
  body: expect.objectContaining({
    name: "readability",
    platform: "onnxruntime_onnx",
    backend: "onnxruntime",
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: 0,
    input: names.map((name) => expect.objectContaining({ name, data_type: "TYPE_INT64", dims: [-1, -1] })),
    output: [expect.objectContaining({ name: "logits", data_type: "TYPE_FP32", dims: [-1, 1] })],
    instance_group: [expect.objectContaining({ kind: "KIND_CPU", count: 1 })],
  }),
};
const duration = { count: expect.any(Number), ns: expect.any(Number) };
const steps = Object.fromEntries(["compute_input", "compute_infer", "compute_output"].map((step) => [step, duration]));
const durations = Object.fromEntries(["success", "fail", "queue", "cache_hit", "cache_miss"].map((name) => [name, duration]));
const statistics: Expected = {
  status: 200,
  body: {
    model_stats: [
      expect.objectContaining({
        name: "readability",
        version: "1",
        last_inference: expect.any(Number),
        inference_count: expect.any(Number),
        execution_count: expect.any(Number),
        inference_stats: { ...steps, ...durations },
        batch_stats: [{ batch_size: 1, ...steps }],
      }),
    ],
  },
};
const served = { status: 200, body: [{ name: "readability", version: "1", state: "READY" }] };

/** A request that may wait at most 1 ms. */
export const impatient = parameters({ timeout: 1000 });

/** Requests in order: the statistics cases need the inferences before them. */
export const conformance: Readonly<Record<string, readonly Case[]>> = {
  "Server and health": [
    {
      name: "GET /v2",
      ask: get("/v2"),
      answer: {
        status: 200,
        body: {
          name: expect.any(String),
          version: expect.any(String),
          extensions: expect.arrayContaining(["binary_tensor_data", "model_configuration", "parameters", "schedule_policy", "statistics"]),
        },
      },
    },
    { name: "GET /v2/health/live", ask: get("/v2/health/live"), answer: empty },
    { name: "GET /v2/health/ready", ask: get("/v2/health/ready"), answer: empty },
    { name: "model ready", ask: get(`${model}/ready`), answer: empty },
    { name: "model version ready", ask: get(`${model}/versions/1/ready`), answer: empty },
    { name: "ready, unknown version", ask: get(`${model}/versions/7/ready`), answer: notReady },
    { name: "ready, unknown model", ask: get("/v2/models/other/ready"), answer: notReady },
    { name: "POST /v2/health/live", ask: send("{}", {}, "/v2/health/live"), answer: notAllowed },
    { name: "OPTIONS /v2", ask: { method: "OPTIONS", path: "/v2" }, answer: notAllowed },
    { name: "DELETE a model", ask: { method: "DELETE", path: model }, answer: notAllowed },
    { name: "GET infer", ask: get(`${model}/infer`), answer: notAllowed },
    { name: "PUT infer", ask: { ...infer({ inputs: good }), method: "PUT" }, answer: notAllowed },
    { name: "unknown path", ask: get("/nothing"), answer: notFound },
    { name: "unknown path of a model", ask: get(`${model}/nothing`), answer: notFound },
    { name: "trailing slash", ask: get("/v2/"), answer: notFound },
  ],
  "Inference in JSON": [
    { name: "one text", ask: infer({ inputs: good }), answer: scored() },
    { name: "with a version", ask: infer({ inputs: good }, {}, `${model}/versions/1/infer`), answer: scored() },
    { name: "unknown model", ask: infer({ inputs: good }, {}, "/v2/models/other/infer"), answer: unknown("'other'") },
    { name: "unknown version", ask: infer({ inputs: good }, {}, `${model}/versions/3/infer`), answer: unknown("'readability' version 3") },
    {
      name: "batch, nested lists",
      ask: infer(all((name) => ({ shape: [3, 2], data: name === "input_ids" ? rows : rows.map(() => numbers[name]) }))),
      answer: scored(rows.map((row) => meanScore(row))),
    },
    {
      name: "batch, one flat list",
      ask: infer(all((name) => ({ shape: [3, 2], data: name === "input_ids" ? rows.flat() : rows.flatMap(() => numbers[name]) }))),
      answer: scored(rows.map((row) => meanScore(row))),
    },
    { name: "id", ask: infer({ inputs: good, id: "an id" }), answer: scored([typeless], { id: "an id" }) },
    { name: "empty id", ask: infer({ inputs: good, id: "" }), answer: scored() },
    { name: "empty outputs", ask: infer({ inputs: good, outputs: [] }), answer: scored() },
    { name: "output requested by name", ask: infer({ inputs: good, outputs: [{ name: "logits" }] }), answer: scored() },
    { name: "output requested twice", ask: infer({ inputs: good, outputs: [{ name: "logits" }, { name: "logits" }] }), answer: scored() },
    { name: "unknown fields", ask: infer({ inputs: good, model_name: "other", mine: [1] }), answer: scored() },
    { name: "unknown parameters", ask: parameters({ word: "x", number: 1, fraction: 1.5, truth: true }), answer: scored() },
    { name: "parameter that is an object", ask: parameters({ mine: { a: 1 } }), answer: error(400) },
    {
      name: "parameter that starts with triton_",
      ask: parameters({ triton_x: 1 }),
      answer: scored(),
      triton: { status: 400, why: "Triton reserves names that start with triton_. We ignore them like any unknown parameter." },
    },
    { name: "priority", ask: parameters({ priority: 1 }), answer: scored() },
    { name: "timeout", ask: parameters({ timeout: 20_000_000 }), answer: scored() },
    { name: "timeout 0", ask: parameters({ timeout: 0 }), answer: scored() },
    { name: "timeout above 2^53", ask: parameters({ timeout: 2 ** 60 }), answer: scored() },
    { name: "sequence parameters", ask: parameters({ sequence_id: 1, sequence_start: true }), answer: scored() },
    { name: "content type text/plain", ask: infer({ inputs: good }, { "content-type": "text/plain" }), answer: scored() },
    { name: "Expect: 100-continue", ask: infer({ inputs: good }, { expect: "100-continue" }), answer: scored() },
    { name: "chunked body", ask: infer({ inputs: good }, { "transfer-encoding": "chunked" }), answer: scored() },
    {
      name: "classification",
      ask: output({ classification: 1 }),
      answer: error(400, "classification"),
      triton: {
        ...scored(),
        body: expect.objectContaining({ outputs: [expect.objectContaining({ datatype: "BYTES" })] }),
        why: "The model has one score and no classes. Triton returns the score with six digits and class index 0.",
      },
    },
    {
      name: "output in shared memory",
      ask: output({ shared_memory_region: "x", shared_memory_byte_size: 4 }),
      answer: error(400, "shared_memory_region"),
      triton: { status: 404, why: "We do not support shared memory. Triton does, but has no region of that name." },
    },
  ],
  "Binary tensors": [
    { name: "binary inputs", ask: message(whole), answer: scored() },
    { name: "binary inputs in another order", ask: message(inBinary(names.toReversed())), answer: scored() },
    { name: "binary and JSON inputs", ask: message(inBinary(names, names.slice(1))), answer: scored() },
    {
      name: "length header without binary data",
      ask: infer({ inputs: good }, { "inference-header-content-length": String(JSON.stringify({ inputs: good }).length) }),
      answer: scored(),
    },
    { name: "binary_data", ask: output({ binary_data: true }), answer: { status: 200, binary: [typeless] } },
    { name: "binary_data_output", ask: parameters({ binary_data_output: true }), answer: { status: 200, binary: [typeless] } },
    {
      name: "binary_data_output, but binary_data false",
      ask: output({ binary_data: false }, { parameters: { binary_data_output: true } }),
      answer: scored(),
    },
    {
      name: "binary_data_output, output requested by name",
      ask: infer({ inputs: good, outputs: [{ name: "logits" }], parameters: { binary_data_output: true } }),
      answer: { status: 200, binary: [typeless] },
      triton: {
        ...scored(),
        why: "The extension applies this parameter to every output without its own binary_data. Triton ignores it for outputs requested by name.",
      },
    },
    { name: "too few bytes", ask: withLength(whole.body.subarray(0, -8)), answer: error(400) },
    { name: "too many bytes", ask: withLength(Buffer.concat([whole.body, Buffer.alloc(3)])), answer: error(400) },
    { name: "size does not match the shape", ask: message(inBinary(names, names, 8)), answer: error(400) },
    { name: "negative size", ask: message(inBinary(names, names, -1)), answer: error(400), triton: unparsed },
    {
      name: "JSON and binary data for one input",
      ask: infer(first({ parameters: { binary_data_size: 16 } })),
      answer: error(400),
    },
    ...["10", "99999", "-1", "abc"].map((length) => ({
      name: `Inference-Header-Content-Length: ${length}`,
      ask: withLength(whole.body, length),
      answer: error(400),
      ...(length === "10" ? { triton: unparsed } : {}),
    })),
  ],
  Compression: [
    { name: "gzip body", ask: send(gzipSync(JSON.stringify({ inputs: good })), { "content-encoding": "gzip" }), answer: scored() },
    { name: "deflate body", ask: send(deflateSync(JSON.stringify({ inputs: good })), { "content-encoding": "deflate" }), answer: scored() },
    {
      name: "gzip body with binary tensors",
      ask: send(gzipSync(whole.body), { ...whole.headers, "content-encoding": "gzip" }),
      answer: scored(),
    },
    { name: "identity", ask: infer({ inputs: good }, { "content-encoding": "identity" }), answer: scored() },
    {
      name: "br body",
      ask: send(brotliCompressSync(JSON.stringify({ inputs: good })), { "content-encoding": "br" }),
      answer: scored(),
      triton: { ...error(501), why: "Triton reads gzip and deflate alone." },
    },
    { name: "unsupported encoding (zstd)", ask: infer({ inputs: good }, { "content-encoding": "zstd" }), answer: error(501) },
    { name: "body that is not gzip", ask: infer({ inputs: good }, { "content-encoding": "gzip" }), answer: error(400) },
    {
      name: "truncated gzip",
      ask: send(gzipSync(JSON.stringify({ inputs: good })).subarray(0, -8), { "content-encoding": "gzip" }),
      answer: error(400),
      triton: lenient("Triton does not check for the checksum at the end."),
    },
    ...["gzip", "deflate"].map((encoding) => ({
      name: `Accept-Encoding: ${encoding}`,
      ask: infer({ inputs: good }, { "accept-encoding": encoding }),
      answer: scored(),
      triton: { ...scored(), encoding, why: "A response is one number per text. Compressing it would cost time and save nothing." },
    })),
  ],
  "Malformed requests": [
    { name: "empty body", ask: send(""), answer: error(400) },
    { name: "invalid JSON", ask: send("{"), answer: error(400), triton: unparsed },
    { name: "text after the JSON", ask: send(`${JSON.stringify({ inputs: good })}x`), answer: error(400), triton: unparsed },
    { name: "JSON nested 100,000 levels deep", ask: send("[".repeat(100_000)), answer: error(400), triton: unparsed },
    { name: "array instead of an object", ask: send("[]"), answer: error(400), triton: unparsed },
    { name: "no field inputs", ask: send("{}"), answer: error(400), triton: unparsed },
    { name: "inputs is not an array", ask: infer({ inputs: {} }), answer: error(400), triton: unparsed },
    { name: "empty inputs", ask: infer({ inputs: [] }), answer: error(400) },
    { name: "null input", ask: infer({ inputs: [null] }), answer: error(400) },
    { name: "missing input", ask: infer({ inputs: good.slice(1) }), answer: error(400) },
    { name: "unknown input", ask: infer({ inputs: [...good, tensor("other")] }), answer: error(400) },
    { name: "duplicate input", ask: infer({ inputs: [...good, good[0]] }), answer: error(400) },
    { name: "unknown output", ask: infer({ inputs: good, outputs: [{ name: "other" }] }), answer: error(400) },
    { name: "output without a name", ask: infer({ inputs: good, outputs: [{}] }), answer: error(400), triton: unparsed },
    { name: "outputs is not an array", ask: infer({ inputs: good, outputs: {} }), answer: error(400), triton: unparsed },
    { name: "parameters is not an object", ask: parameters([]), answer: error(400), triton: unparsed },
    { name: "wrong datatype", ask: infer(first({ datatype: "INT32" })), answer: error(400) },
    { name: "unknown datatype", ask: infer(first({ datatype: "LONG" })), answer: error(400) },
    { name: "missing datatype", ask: infer(without("datatype")), answer: error(400), triton: unparsed },
    { name: "wrong rank", ask: infer(first({ shape: [2] })), answer: error(400) },
    { name: "missing shape", ask: infer(without("shape")), answer: error(400), triton: unparsed },
    { name: "negative dimension", ask: infer(first({ shape: [-1, 2] })), answer: error(400), triton: unparsed },
    {
      name: "inputs of different shapes",
      ask: infer(first({ shape: [2, 1] })),
      answer: error(400),
      triton: lenient("Triton passes the inputs to the model, which may not notice. The test model does not.", {
        status: 200,
        body: expect.anything(),
      }),
    },
    {
      name: "batch of 0 texts",
      ask: infer(all(() => ({ shape: [0, 2], data: [] }))),
      answer: error(400),
      triton: lenient("An empty batch is a client error. Triton runs the model on no texts.", scored([])),
    },
    {
      name: "text of 0 tokens",
      ask: infer(all(() => ({ shape: [1, 0], data: [] }))),
      answer: error(400),
      triton: lenient("Every text has at least its special tokens. Triton passes the empty text to the model.", {
        status: 200,
        body: expect.anything(),
      }),
    },
    { name: "too few values", ask: infer(first({ data: [1] })), answer: error(400), triton: unparsed },
    { name: "too many values", ask: infer(first({ data: [1, 2, 3] })), answer: error(400), triton: unparsed },
    { name: "fraction as a token id", ask: infer(first({ data: [1, 2.5] })), answer: error(400), triton: unparsed },
    { name: "string as a token id", ask: infer(first({ data: ["a", "b"] })), answer: error(400), triton: unparsed },
    { name: "boolean as a token id", ask: infer(first({ data: [true, false] })), answer: error(400), triton: unparsed },
    { name: "data is not an array", ask: infer(first({ data: 5 })), answer: error(400), triton: unparsed },
    { name: "missing data", ask: infer(first({ data: undefined })), answer: error(400) },
    {
      name: "data nested deeper than the shape",
      ask: infer(first({ data: [[[1], [2]]] })),
      answer: error(400),
      triton: lenient("The protocol requires data to be flat or nested like the shape. Triton accepts any nesting."),
    },
    {
      name: "token id above 2^53",
      ask: send(JSON.stringify({ inputs: good }).replace("[1,2]}", "[9007199254740993,2]}")),
      answer: error(400),
      triton: lenient("JSON numbers in JavaScript are exact up to 2^53 only. Use binary tensors for larger values.", {
        status: 200,
        body: expect.anything(),
      }),
    },
    { name: "id is not a string", ask: infer({ inputs: good, id: 5 }), answer: error(400), triton: unparsed },
    { name: "negative timeout", ask: parameters({ timeout: -1 }), answer: error(400), triton: unparsed },
    { name: "priority is not a number", ask: parameters({ priority: "high" }), answer: error(400), triton: unparsed },
    { name: "binary_data is not a boolean", ask: output({ binary_data: "yes" }), answer: error(400), triton: unparsed },
    { name: "binary_data_output is not a boolean", ask: parameters({ binary_data_output: 1 }), answer: error(400), triton: unparsed },
  ],
  "Models and versions": [
    { name: "model metadata", ask: get(model), answer: { status: 200, body: description } },
    { name: "model version metadata", ask: get(`${model}/versions/1`), answer: { status: 200, body: description } },
    { name: "query string after the path", ask: get(`${model}?verbose=1`), answer: { status: 200, body: description } },
    { name: "metadata, unknown model", ask: get("/v2/models/other"), answer: unknown("'other'") },
    { name: "metadata, unknown version", ask: get(`${model}/versions/3`), answer: unknown("'readability' version 3") },
    { name: "version is not a number", ask: get(`${model}/versions/x`), answer: notFound },
    {
      name: "version above 2^63",
      ask: get(`${model}/versions/99999999999999999999`),
      answer: unknown("'readability' version 99999999999999999999"),
      triton: { status: 400, why: "No such version exists, so we answer 404. Triton cannot parse the number." },
    },
    {
      name: "percent-encoded name (%61 for a)",
      ask: get("/v2/models/re%61dability"),
      answer: { status: 200, body: description },
      triton: { status: 404, why: "Triton does not decode the path." },
    },
    { name: "model configuration", ask: get(`${model}/config`), answer: configuration },
    { name: "model version configuration", ask: get(`${model}/versions/1/config`), answer: configuration },
    { name: "configuration, unknown model", ask: get("/v2/models/other/config"), answer: unknown("'other'") },
    { name: "model statistics", ask: get(`${model}/stats`), answer: statistics },
    { name: "model version statistics", ask: get(`${model}/versions/1/stats`), answer: statistics },
    { name: "statistics of all models", ask: get("/v2/models/stats"), answer: statistics },
    {
      name: "statistics, unknown model",
      ask: get("/v2/models/other/stats"),
      answer: error(400, "requested model 'other' is not available"),
    },
    { name: "statistics, unknown version", ask: get(`${model}/versions/3/stats`), answer: error(400, "is not available") },
  ],
  "Model repository": [
    { name: "index", ask: index("{}"), answer: served },
    { name: "index, empty body", ask: index(""), answer: served },
    { name: "index, ready models only", ask: index('{"ready": true}'), answer: served },
    { name: "index, invalid JSON", ask: index("{"), answer: error(400), triton: unparsed },
    { name: "index, ready is not a boolean", ask: index('{"ready": "yes"}'), answer: error(400), triton: unparsed },
    {
      name: "index, array instead of an object",
      ask: index("[]"),
      answer: error(400),
      triton: { ...served, why: "The extension requires an object. Triton looks for fields in the array and finds none." },
    },
    { name: "GET index", ask: get("/v2/repository/index"), answer: notAllowed },
    {
      name: "load, unless model control mode is explicit",
      ask: control("load"),
      answer: error(503, "explicit model load / unload is not allowed"),
    },
    {
      name: "unload, unless model control mode is explicit",
      ask: control("unload"),
      answer: error(503, "explicit model load / unload is not allowed"),
    },
    { name: "GET load", ask: get(`/v2/repository/models/readability/load`), answer: notAllowed },
  ],
};
