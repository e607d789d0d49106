import fc from "fast-check";
import { expect, it } from "vitest";
import { headerLength } from "./message.js";
import { decodeResponse, encodeResponse, type InferResponse } from "./response.js";

const refuse = (problem: string): never => {
  throw new RangeError(problem);
};

const responses = (float: fc.Arbitrary<number>) =>
  fc.record(
    { id: fc.string(), model: fc.string(), version: fc.string(), logits: fc.array(float).map((data) => Float32Array.from(data)) },
    { requiredKeys: ["model", "version", "logits"] },
  ) as fc.Arbitrary<InferResponse>;

it("reads back the responses it writes, every bit", () => {
  const check = (encoding: "json" | "binary") => (response: InferResponse) => {
    const { body, headers } = encodeResponse(response, encoding);
    expect(decodeResponse(body, headers[headerLength], refuse)).toEqual(response);
  };
  fc.assert(fc.property(responses(fc.float({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0))), check("json")));
  fc.assert(fc.property(responses(fc.float()), check("binary")));
});

it("refuses any other response without crashing", () => {
  const refuses = (body: Buffer, length: string | undefined) => {
    try {
      decodeResponse(body, length, refuse);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  };
  const bytes = fc.oneof(
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array().map((data) => Buffer.from(data)),
  );
  fc.assert(fc.property(bytes, fc.option(fc.nat(30).map(String), { nil: undefined }), refuses));
  const { body, headers } = encodeResponse({ model: "m", version: "1", logits: Float32Array.of(1, 2) }, "binary");
  for (const wrong of [body.subarray(0, -1), Buffer.concat([body, Buffer.alloc(1)]), Buffer.alloc(0)])
    expect(() => decodeResponse(wrong, headers[headerLength], refuse)).toThrow(RangeError);
  const json = { model_name: "m", model_version: "1", outputs: [{ name: "logits", datatype: "FP32", shape: [2, 1], data: [1] }] };
  expect(() => decodeResponse(Buffer.from(JSON.stringify(json)), undefined, refuse)).toThrow("its number of logits differs");
});
