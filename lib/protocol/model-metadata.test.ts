import { expect, it } from "vitest";
import { checkModel, describeModel, type ModelDescription } from "./model-metadata.js";

const names = ["input_ids", "attention_mask", "token_type_ids"];
const right = describeModel("m", 1, names);
const change = (change: Partial<ModelDescription>) => () => checkModel({ ...right, ...change }, "http://server/v2/models/m");

it("takes a model with the inputs and the output, in any order", () => {
  expect(change({ inputs: right.inputs.toReversed(), platform: "openvino", versions: ["7"] })).not.toThrow();
});

it("names all that differs", () => {
  const [ids, ...others] = right.inputs;
  const inputs = [{ ...ids!, datatype: "INT32" }, ...others.slice(1), { name: "extra", datatype: "FP32", shape: [1] }];
  expect(change({ inputs })).toThrow(
    "The model at http://server/v2/models/m is a different one: input_ids of its inputs is INT32 [-1,-1], expected INT64 [-1,-1]; " +
      "attention_mask of its inputs is missing, expected INT64 [-1,-1]; extra of its inputs is FP32 [1], expected none. Start the",
  );
  expect(change({ outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 2] }] })).toThrow(
    "logits of its outputs is FP32 [-1,2], expected FP32 [-1,1]",
  );
});
