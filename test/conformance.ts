import { deflateSync, gzipSync } from "node:zlib";
import { expect } from "vitest";
import { joinMessage } from "../lib/protocol/message.js";
import type { Ask } from "./ask.js";
import { meanScore } from "./graphs.js";

/** What a server answers. */
export interface Expected {
  readonly status: number;
  /** Its JSON, or its text where that is no JSON; an object with an error where it is left out and the status is one. */
  readonly body?: unknown;
  /** Scores that come back in binary, instead of a body. */
  readonly binary?: readonly number[];
  readonly encoding?: string;
}

/** A request with what both servers answer, or Triton's own answer beside ours with the reason. */
export interface Case {
  readonly name: string;
  readonly ask: Ask;
  readonly answer: Expected;
  readonly triton?: Expected & { readonly why: string };
}

/** Of the repository that `writeRepository` makes. */
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

/** Refused by both, but Triton takes the blame. */
const unparsed = { status: 500, why: "Triton answers 500 to a request that it cannot parse; it is the client's mistake: 400." };
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

/** Waits a millisecond at most. */
export const impatient = parameters({ timeout: 1000 });

/** In order: the statistics tell of the inferences before. */
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
    { name: "a model's readiness", ask: get(`${model}/ready`), answer: empty },
    { name: "a version's readiness", ask: get(`${model}/versions/1/ready`), answer: empty },
    { name: "the readiness of another version", ask: get(`${model}/versions/7/ready`), answer: notReady },
    { name: "the readiness of another model", ask: get("/v2/models/other/ready"), answer: notReady },
    { name: "POST /v2/health/live", ask: send("{}", {}, "/v2/health/live"), answer: notAllowed },
    { name: "OPTIONS /v2", ask: { method: "OPTIONS", path: "/v2" }, answer: notAllowed },
    { name: "DELETE of a model", ask: { method: "DELETE", path: model }, answer: notAllowed },
    { name: "GET of infer", ask: get(`${model}/infer`), answer: notAllowed },
    { name: "PUT of infer", ask: { ...infer({ inputs: good }), method: "PUT" }, answer: notAllowed },
    { name: "another path", ask: get("/nothing"), answer: notFound },
    { name: "another path of a model", ask: get(`${model}/nothing`), answer: notFound },
    { name: "a slash too many", ask: get("/v2/"), answer: notFound },
  ],
  "Inference in JSON": [
    { name: "one text", ask: infer({ inputs: good }), answer: scored() },
    { name: "by version", ask: infer({ inputs: good }, {}, `${model}/versions/1/infer`), answer: scored() },
    { name: "another model", ask: infer({ inputs: good }, {}, "/v2/models/other/infer"), answer: unknown("'other'") },
    { name: "another version", ask: infer({ inputs: good }, {}, `${model}/versions/3/infer`), answer: unknown("'readability' version 3") },
    {
      name: "a batch, rows in lists of their own",
      ask: infer(all((name) => ({ shape: [3, 2], data: name === "input_ids" ? rows : rows.map(() => numbers[name]) }))),
      answer: scored(rows.map((row) => meanScore(row))),
    },
    {
      name: "a batch, rows in one list",
      ask: infer(all((name) => ({ shape: [3, 2], data: name === "input_ids" ? rows.flat() : rows.flatMap(() => numbers[name]) }))),
      answer: scored(rows.map((row) => meanScore(row))),
    },
    { name: "an id", ask: infer({ inputs: good, id: "an id" }), answer: scored([typeless], { id: "an id" }) },
    { name: "an empty id", ask: infer({ inputs: good, id: "" }), answer: scored() },
    { name: "no outputs named", ask: infer({ inputs: good, outputs: [] }), answer: scored() },
    { name: "the output named", ask: infer({ inputs: good, outputs: [{ name: "logits" }] }), answer: scored() },
    { name: "the output named twice", ask: infer({ inputs: good, outputs: [{ name: "logits" }, { name: "logits" }] }), answer: scored() },
    { name: "fields of other programs", ask: infer({ inputs: good, model_name: "other", mine: [1] }), answer: scored() },
    { name: "parameters of other programs", ask: parameters({ word: "x", number: 1, fraction: 1.5, truth: true }), answer: scored() },
    { name: "a parameter of another kind", ask: parameters({ mine: { a: 1 } }), answer: error(400) },
    {
      name: "a parameter of Triton's own",
      ask: parameters({ triton_x: 1 }),
      answer: scored(),
      triton: { status: 400, why: "Triton keeps names that begin with triton_ for itself; they mean nothing here." },
    },
    { name: "a priority", ask: parameters({ priority: 1 }), answer: scored() },
    { name: "a timeout", ask: parameters({ timeout: 20_000_000 }), answer: scored() },
    { name: "no timeout", ask: parameters({ timeout: 0 }), answer: scored() },
    { name: "a timeout beyond 2^53", ask: parameters({ timeout: 2 ** 60 }), answer: scored() },
    { name: "a sequence", ask: parameters({ sequence_id: 1, sequence_start: true }), answer: scored() },
    { name: "another content type", ask: infer({ inputs: good }, { "content-type": "text/plain" }), answer: scored() },
    { name: "Expect: 100-continue", ask: infer({ inputs: good }, { expect: "100-continue" }), answer: scored() },
    { name: "a body in chunks", ask: infer({ inputs: good }, { "transfer-encoding": "chunked" }), answer: scored() },
    {
      name: "a classification",
      ask: output({ classification: 1 }),
      answer: error(400, "classification"),
      triton: {
        ...scored(),
        body: expect.objectContaining({ outputs: [expect.objectContaining({ datatype: "BYTES" })] }),
        why: "The model has one score and no classes; Triton writes it with six digits and the index 0.",
      },
    },
    {
      name: "an answer in shared memory",
      ask: output({ shared_memory_region: "x", shared_memory_byte_size: 4 }),
      answer: error(400, "shared_memory_region"),
      triton: { status: 404, why: "Shared memory is not offered here; Triton knows no such region." },
    },
  ],
  "Binary tensors": [
    { name: "inputs in binary", ask: message(whole), answer: scored() },
    { name: "inputs in another order", ask: message(inBinary(names.toReversed())), answer: scored() },
    { name: "some inputs in binary", ask: message(inBinary(names, names.slice(1))), answer: scored() },
    {
      name: "the header, and no bytes",
      ask: infer({ inputs: good }, { "inference-header-content-length": String(JSON.stringify({ inputs: good }).length) }),
      answer: scored(),
    },
    { name: "binary_data", ask: output({ binary_data: true }), answer: { status: 200, binary: [typeless] } },
    { name: "binary_data_output", ask: parameters({ binary_data_output: true }), answer: { status: 200, binary: [typeless] } },
    {
      name: "binary_data_output, and not for the output",
      ask: output({ binary_data: false }, { parameters: { binary_data_output: true } }),
      answer: scored(),
    },
    {
      name: "binary_data_output, the output named",
      ask: infer({ inputs: good, outputs: [{ name: "logits" }], parameters: { binary_data_output: true } }),
      answer: { status: 200, binary: [typeless] },
      triton: {
        ...scored(),
        why: "The extension says that it holds for outputs that do not say otherwise; Triton forgets it for those named.",
      },
    },
    { name: "bytes missing", ask: withLength(whole.body.subarray(0, -8)), answer: error(400) },
    { name: "bytes too many", ask: withLength(Buffer.concat([whole.body, Buffer.alloc(3)])), answer: error(400) },
    { name: "a size that is not the shape's", ask: message(inBinary(names, names, 8)), answer: error(400) },
    { name: "a negative size", ask: message(inBinary(names, names, -1)), answer: error(400), triton: unparsed },
    {
      name: "data twice",
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
    { name: "by gzip", ask: send(gzipSync(JSON.stringify({ inputs: good })), { "content-encoding": "gzip" }), answer: scored() },
    { name: "by deflate", ask: send(deflateSync(JSON.stringify({ inputs: good })), { "content-encoding": "deflate" }), answer: scored() },
    { name: "binary tensors by gzip", ask: send(gzipSync(whole.body), { ...whole.headers, "content-encoding": "gzip" }), answer: scored() },
    { name: "identity", ask: infer({ inputs: good }, { "content-encoding": "identity" }), answer: scored() },
    { name: "another encoding", ask: infer({ inputs: good }, { "content-encoding": "br" }), answer: error(501) },
    { name: "no gzip", ask: infer({ inputs: good }, { "content-encoding": "gzip" }), answer: error(400) },
    {
      name: "gzip that ends early",
      ask: send(gzipSync(JSON.stringify({ inputs: good })).subarray(0, -8), { "content-encoding": "gzip" }),
      answer: error(400),
      triton: lenient("Triton does not look whether the checksum is there."),
    },
    ...["gzip", "deflate"].map((encoding) => ({
      name: `Accept-Encoding: ${encoding}`,
      ask: infer({ inputs: good }, { "accept-encoding": encoding }),
      answer: scored(),
      triton: { ...scored(), encoding, why: "An answer is one number a text: compressing it saves nothing, and takes time." },
    })),
  ],
  "Malformed requests": [
    { name: "no body", ask: send(""), answer: error(400) },
    { name: "no JSON", ask: send("{"), answer: error(400), triton: unparsed },
    { name: "more than JSON", ask: send(`${JSON.stringify({ inputs: good })}x`), answer: error(400), triton: unparsed },
    { name: "brackets a hundred thousand deep", ask: send("[".repeat(100_000)), answer: error(400), triton: unparsed },
    { name: "a list", ask: send("[]"), answer: error(400), triton: unparsed },
    { name: "an object without inputs", ask: send("{}"), answer: error(400), triton: unparsed },
    { name: "inputs that are no list", ask: infer({ inputs: {} }), answer: error(400), triton: unparsed },
    { name: "no inputs", ask: infer({ inputs: [] }), answer: error(400) },
    { name: "an input that is null", ask: infer({ inputs: [null] }), answer: error(400) },
    { name: "an input missing", ask: infer({ inputs: good.slice(1) }), answer: error(400) },
    { name: "an input unknown", ask: infer({ inputs: [...good, tensor("other")] }), answer: error(400) },
    { name: "an input twice", ask: infer({ inputs: [...good, good[0]] }), answer: error(400) },
    { name: "an output unknown", ask: infer({ inputs: good, outputs: [{ name: "other" }] }), answer: error(400) },
    { name: "an output without name", ask: infer({ inputs: good, outputs: [{}] }), answer: error(400), triton: unparsed },
    { name: "outputs that are no list", ask: infer({ inputs: good, outputs: {} }), answer: error(400), triton: unparsed },
    { name: "parameters that are no object", ask: parameters([]), answer: error(400), triton: unparsed },
    { name: "another datatype", ask: infer(first({ datatype: "INT32" })), answer: error(400) },
    { name: "no datatype of the protocol", ask: infer(first({ datatype: "LONG" })), answer: error(400) },
    { name: "no datatype", ask: infer(without("datatype")), answer: error(400), triton: unparsed },
    { name: "another rank", ask: infer(first({ shape: [2] })), answer: error(400) },
    { name: "no shape", ask: infer(without("shape")), answer: error(400), triton: unparsed },
    { name: "a negative dimension", ask: infer(first({ shape: [-1, 2] })), answer: error(400), triton: unparsed },
    {
      name: "shapes that differ",
      ask: infer(first({ shape: [2, 1] })),
      answer: error(400),
      triton: lenient("Triton leaves it to the model, which may or may not notice; the test's does not.", {
        status: 200,
        body: expect.anything(),
      }),
    },
    {
      name: "a batch of no texts",
      ask: infer(all(() => ({ shape: [0, 2], data: [] }))),
      answer: error(400),
      triton: lenient("Nothing to score is a mistake here; Triton runs the model on nothing.", scored([])),
    },
    {
      name: "a text of no tokens",
      ask: infer(all(() => ({ shape: [1, 0], data: [] }))),
      answer: error(400),
      triton: lenient("A text has at least its special tokens; Triton leaves it to the model.", { status: 200, body: expect.anything() }),
    },
    { name: "too few numbers", ask: infer(first({ data: [1] })), answer: error(400), triton: unparsed },
    { name: "too many numbers", ask: infer(first({ data: [1, 2, 3] })), answer: error(400), triton: unparsed },
    { name: "a fraction", ask: infer(first({ data: [1, 2.5] })), answer: error(400), triton: unparsed },
    { name: "a word", ask: infer(first({ data: ["a", "b"] })), answer: error(400), triton: unparsed },
    { name: "a truth", ask: infer(first({ data: [true, false] })), answer: error(400), triton: unparsed },
    { name: "data that are no list", ask: infer(first({ data: 5 })), answer: error(400), triton: unparsed },
    { name: "no data", ask: infer(first({ data: undefined })), answer: error(400) },
    {
      name: "lists deeper than the shape",
      ask: infer(first({ data: [[[1], [2]]] })),
      answer: error(400),
      triton: lenient("The protocol nests as the shape says; Triton takes any nesting."),
    },
    {
      name: "a number beyond 2^53",
      ask: send(JSON.stringify({ inputs: good }).replace("[1,2]}", "[9007199254740993,2]}")),
      answer: error(400),
      triton: lenient("JSON's numbers are exact up to 2^53 here, as in JavaScript; binary tensors hold any.", {
        status: 200,
        body: expect.anything(),
      }),
    },
    { name: "an id that is no text", ask: infer({ inputs: good, id: 5 }), answer: error(400), triton: unparsed },
    { name: "a negative timeout", ask: parameters({ timeout: -1 }), answer: error(400), triton: unparsed },
    { name: "a priority that is no number", ask: parameters({ priority: "high" }), answer: error(400), triton: unparsed },
    { name: "binary_data that is no truth", ask: output({ binary_data: "yes" }), answer: error(400), triton: unparsed },
    { name: "binary_data_output that is no truth", ask: parameters({ binary_data_output: 1 }), answer: error(400), triton: unparsed },
  ],
  "Models and versions": [
    { name: "a model's metadata", ask: get(model), answer: { status: 200, body: description } },
    { name: "a version's metadata", ask: get(`${model}/versions/1`), answer: { status: 200, body: description } },
    { name: "a query behind the path", ask: get(`${model}?verbose=1`), answer: { status: 200, body: description } },
    { name: "metadata of another model", ask: get("/v2/models/other"), answer: unknown("'other'") },
    { name: "metadata of another version", ask: get(`${model}/versions/3`), answer: unknown("'readability' version 3") },
    { name: "a version that is no number", ask: get(`${model}/versions/x`), answer: notFound },
    {
      name: "a version beyond 2^63",
      ask: get(`${model}/versions/99999999999999999999`),
      answer: unknown("'readability' version 99999999999999999999"),
      triton: { status: 400, why: "It cannot be there, whatever its size; Triton fails to read it." },
    },
    {
      name: "a name with an escape (%61 for a)",
      ask: get("/v2/models/re%61dability"),
      answer: { status: 200, body: description },
      triton: { status: 404, why: "Triton compares names as they stand in the path." },
    },
    { name: "a model's configuration", ask: get(`${model}/config`), answer: configuration },
    { name: "a version's configuration", ask: get(`${model}/versions/1/config`), answer: configuration },
    { name: "the configuration of another model", ask: get("/v2/models/other/config"), answer: unknown("'other'") },
    { name: "a model's statistics", ask: get(`${model}/stats`), answer: statistics },
    { name: "a version's statistics", ask: get(`${model}/versions/1/stats`), answer: statistics },
    { name: "the statistics of all models", ask: get("/v2/models/stats"), answer: statistics },
    {
      name: "the statistics of another model",
      ask: get("/v2/models/other/stats"),
      answer: error(400, "requested model 'other' is not available"),
    },
    { name: "the statistics of another version", ask: get(`${model}/versions/3/stats`), answer: error(400, "is not available") },
  ],
  "Model repository": [
    { name: "the index", ask: index("{}"), answer: served },
    { name: "the index, no body", ask: index(""), answer: served },
    { name: "the index of what is ready", ask: index('{"ready": true}'), answer: served },
    { name: "an index request that is no JSON", ask: index("{"), answer: error(400), triton: unparsed },
    { name: "ready that is no truth", ask: index('{"ready": "yes"}'), answer: error(400), triton: unparsed },
    {
      name: "an index request that is a list",
      ask: index("[]"),
      answer: error(400),
      triton: { ...served, why: "The extension asks for an object; Triton finds no field in the list." },
    },
    { name: "GET of the index", ask: get("/v2/repository/index"), answer: notAllowed },
    { name: "load, where the server decides", ask: control("load"), answer: error(503, "explicit model load / unload is not allowed") },
    { name: "unload, where the server decides", ask: control("unload"), answer: error(503, "explicit model load / unload is not allowed") },
    { name: "GET of load", ask: get(`/v2/repository/models/readability/load`), answer: notAllowed },
  ],
};
