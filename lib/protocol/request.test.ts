import fc from "fast-check";
import { expect, it } from "vitest";
import { ReadabilityError } from "../errors/errors.js";
import { headerLength } from "./message.js";
import { decodeRequest, encodeRequest, type InferRequest } from "./request.js";

const names = ["input_ids", "attention_mask", "token_type_ids"];

/** Any request; numbers that JSON holds exactly, or any of 64 bits. */
function requests(numbers: fc.Arbitrary<bigint>): fc.Arbitrary<InferRequest> {
  return fc.record({ batch: fc.integer({ min: 1, max: 4 }), sequence: fc.integer({ min: 1, max: 6 }) }).chain(({ batch, sequence }) => {
    const size = batch * sequence;
    const tensor = fc.array(numbers, { minLength: size, maxLength: size }).map((data) => BigInt64Array.from(data));
    const inputs = fc.record({
      batch: fc.constant(batch),
      sequence: fc.constant(sequence),
      inputIds: tensor,
      attentionMask: tensor,
      tokenTypeIds: tensor,
    });
    const rest = { id: fc.string({ minLength: 1 }), timeout: fc.integer({ min: 1, max: 1e9 }), binaryOutput: fc.boolean(), inputs };
    return fc.record(rest, { requiredKeys: ["binaryOutput", "inputs"] });
  });
}

it("reads back the requests it writes", () => {
  const exact = fc.bigInt({ min: BigInt(Number.MIN_SAFE_INTEGER), max: BigInt(Number.MAX_SAFE_INTEGER) });
  const any = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const check = (encoding: "json" | "binary") => (request: InferRequest) => {
    const { body, headers } = encodeRequest(request, encoding);
    expect(decodeRequest(body, headers[headerLength], names)).toEqual(request);
  };
  fc.assert(fc.property(requests(exact), check("json")));
  fc.assert(fc.property(requests(any), check("binary")));
});

it("refuses any other input without crashing", () => {
  const refuses = (body: Buffer, length: string | undefined) => {
    try {
      decodeRequest(body, length, names);
    } catch (error) {
      expect(error).toBeInstanceOf(ReadabilityError);
      expect(error).toMatchObject({ code: "bad-inference-request", status: 400 });
      expect((error as Error).message.length).toBeLessThan(2000);
    }
  };
  const json = fc.json().map((text) => Buffer.from(text));
  const bytes = fc.uint8Array().map((data) => Buffer.from(data));
  fc.assert(fc.property(fc.oneof(json, bytes), fc.option(fc.oneof(fc.string(), fc.nat(99).map(String)), { nil: undefined }), refuses));

  // A good request with one value of its JSON changed, or bytes cut off or added.
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 0, 1, 2, 2 ** 53, "INT64", "logits", [1, 1], [[1]]));
  fc.assert(
    fc.property(
      requests(fc.nat(9).map(BigInt)),
      fc.constantFrom("json", "binary"),
      value,
      fc.nat(99),
      fc.integer({ min: -9, max: 9 }),
      (request, encoding, value, at, cut) => {
        const { body, headers } = encodeRequest(request, encoding as "json" | "binary");
        const length = Number(headers[headerLength] ?? body.length);
        let count = 0;
        const changed = JSON.stringify(JSON.parse(body.toString("utf8", 0, length)), (_, old) => (count++ === at ? value : old)) ?? "";
        const rest = cut < 0 ? body.subarray(length, body.length + cut) : Buffer.concat([body.subarray(length), Buffer.alloc(cut)]);
        refuses(Buffer.concat([Buffer.from(changed), rest]), headers[headerLength] && String(Buffer.byteLength(changed)));
      },
    ),
  );
});

const tensor = (name: string, more: object = {}) => ({ name, shape: [1, 2], datatype: "INT64", data: [1, 2], ...more });
const good = names.map((name) => tensor(name));
const binary = names.map((name) => ({ name, shape: [1, 2], datatype: "INT64", parameters: { binary_data_size: 16 } }));

it.each([
  [
    "rows in lists of their own",
    {
      inputs: names.map((name) =>
        tensor(name, {
          shape: [2, 2],
          data: [
            [1, 2],
            [1, 2],
          ],
        }),
      ),
    },
  ],
  ["no outputs named", { inputs: good, outputs: [] }],
  ["parameters of others", { inputs: good, parameters: { priority: 1, mine: "x", yours: 1.5, theirs: true } }],
  ["a timeout beyond 2^53", { inputs: good, parameters: { timeout: 2 ** 60 } }],
  ["an id that is empty, as none", { inputs: good, id: "" }],
])("takes %s", (_, json) => {
  expect(decodeRequest(Buffer.from(JSON.stringify(json)), undefined, names)).toMatchObject({
    binaryOutput: false,
    inputs: { sequence: 2 },
  });
});

it("answers in binary if the output asks for it, else if the request does", () => {
  const decode = (json: object) => decodeRequest(Buffer.from(JSON.stringify({ inputs: good, ...json })), undefined, names).binaryOutput;
  const parameters = { binary_data_output: true };
  expect(decode({ parameters })).toBe(true);
  expect(decode({ parameters, outputs: [{ name: "logits", parameters: { binary_data: false } }] })).toBe(false);
});

it.each([
  ["an input missing", { inputs: good.slice(1) }, "The inputs are attention_mask, token_type_ids. Expected: each of input_ids"],
  ["an input unknown", { inputs: [...good, tensor("other")] }, "The inputs are input_ids, attention_mask, token_type_ids, other"],
  ["an input twice", { inputs: [good[0], good[1], good[1]] }, "The inputs are input_ids, attention_mask, attention_mask"],
  ["an output unknown", { inputs: good, outputs: [{ name: "other" }] }, 'Output "other" is unknown. Expected: logits'],
  ["another datatype", { inputs: [tensor("input_ids", { datatype: "INT32" }), ...good.slice(1)] }, 'datatype "INT32". Expected: INT64'],
  ["another rank", { inputs: names.map((name) => tensor(name, { shape: [2] })) }, "has the shape [2]. Expected: [batch, sequence]"],
  ["an empty text", { inputs: names.map((name) => tensor(name, { shape: [1, 0], data: [] })) }, "has the shape [1,0]"],
  ["shapes that differ", { inputs: [tensor("input_ids", { shape: [2, 1] }), ...good.slice(1)] }, "the shapes [2,1] and [1,2]"],
  ["too few numbers", { inputs: [tensor("input_ids", { data: [1] }), ...good.slice(1)] }, "has 1 numbers. Expected: 2"],
  ["a fraction", { inputs: [tensor("input_ids", { data: [1, 2.5] }), ...good.slice(1)] }, "not whole numbers"],
  ["a number beyond what JSON holds", { inputs: [tensor("input_ids", { data: [1, 2 ** 53] }), ...good.slice(1)] }, "not whole numbers"],
  ["neither data nor bytes", { inputs: [tensor("input_ids", { data: undefined }), ...good.slice(1)] }, "input_ids has neither"],
  [
    "both data and bytes",
    { inputs: [tensor("input_ids", { parameters: { binary_data_size: 16 } }), ...good.slice(1)] },
    "input_ids has both",
  ],
  [
    "a size that is not the shape's",
    { inputs: [{ ...binary[0], parameters: { binary_data_size: 8 } }, ...binary.slice(1)] },
    "binary_data_size 8",
  ],
  ["bytes that end early", { inputs: binary }, "The bytes of input input_ids are incomplete"],
  [
    "a classification",
    { inputs: good, outputs: [{ name: "logits", parameters: { classification: 1 } }] },
    "logits has the parameter classification",
  ],
  [
    "an input in shared memory",
    { inputs: [tensor("input_ids", { parameters: { shared_memory_region: "x" } }), ...good.slice(1)] },
    "input_ids has the parameter shared_memory_region",
  ],
  ["a parameter of no type of the protocol", { inputs: good, parameters: { mine: { a: 1 } } }, "parameters.mine"],
  ["a priority that is none", { inputs: good, parameters: { priority: "high" } }, "parameters.priority"],
  ["a negative timeout", { inputs: good, parameters: { timeout: -1 } }, "parameters.timeout"],
])("refuses %s and says so", (_, json, message) => {
  expect(() => decodeRequest(Buffer.from(JSON.stringify(json)), undefined, names)).toThrow(message);
});

it("refuses a billion numbers that are not there before it makes room for them", () => {
  const inputs = names.map((name) => tensor(name, { shape: [1000, 1_000_000], data: [[1, 2], 3] }));
  expect(() => decodeRequest(Buffer.from(JSON.stringify({ inputs })), undefined, names)).toThrow("has 3 numbers. Expected: 1000000000");
});

it("refuses bytes that no input claims, and a header that does not fit", () => {
  const json = JSON.stringify({ inputs: binary });
  const body = (bytes: number) => Buffer.concat([Buffer.from(json), Buffer.alloc(bytes)]);
  expect(decodeRequest(body(48), String(json.length), names).inputs.inputIds).toEqual(BigInt64Array.of(0n, 0n));
  expect(() => decodeRequest(body(49), String(json.length), names)).toThrow("49 bytes follow the JSON. Expected: 48");
  for (const length of ["0", "-1", "x", "1e2", "", "99999"])
    expect(() => decodeRequest(body(48), length, names)).toThrow(`Inference-Header-Content-Length is ${JSON.stringify(length)}`);
  expect(() => decodeRequest(body(48), undefined, names)).toThrow("The JSON is malformed");
});
