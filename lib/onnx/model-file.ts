import { create, toBinary } from "@bufbuild/protobuf";
import { dtypeNumbers, type TensorData } from "./dtypes.js";
import { type Attribute, branchesOf, type Graph, liveNodes, type Node, namesRead, type Value } from "./graph.js";
import {
  type AttributeProto,
  AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  AttributeProto_AttributeType as Type,
  ValueInfoProtoSchema,
} from "./onnx_pb.js";
import { microsoftOperators } from "./operators.js";

/** The newest versions that Triton's ONNX Runtime, which is older than ours, can read. */
const opset = 17;
const irVersion = 8;

/** Attributes that ONNX declares as float. Other numbers are ints. */
const floatAttributes = new Set(["alpha", "beta", "epsilon", "mask_filter_value", "scale"]);
const microsoft = new Set<string>(Object.keys(microsoftOperators));

/**
 * The ONNX file of a graph, with only what its outputs depend on.
 * @throws RangeError above protobuf's 2 GiB
 */
export function encodeModel(graph: Graph, producer: { readonly name: string; readonly version: string }): Uint8Array {
  const nodes = liveNodes(graph);
  const read = new Set(nodes.flatMap(namesRead).concat(graph.outputs.map(({ value }) => value.name)));
  const constants = [...graph.constants.values()].filter(({ value }) => read.has(value.name));
  const domains = new Set(nodes.flatMap(opsDeep).map((op) => (microsoft.has(op) ? "com.microsoft" : "")));
  const model: ModelProto = create(ModelProtoSchema, {
    irVersion: BigInt(irVersion),
    producerName: producer.name,
    producerVersion: producer.version,
    opsetImport: [
      { domain: "", version: BigInt(opset) },
      ...(domains.has("com.microsoft") ? [{ domain: "com.microsoft", version: 1n }] : []),
    ],
    graph: {
      name: graph.name,
      node: [
        ...nodes.map(encodeNode),
        ...graph.outputs.flatMap(({ name, value }) => (name === value.name ? [] : [rename(value.name, name)])),
      ],
      initializer: constants.map(({ value, data }) => encodeTensor(value, data)),
      input: graph.inputs.map((value) => encodeInfo(value, value.name)),
      output: graph.outputs.map(({ name, value }) => encodeInfo(value, name)),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

const opsDeep = (node: Node): readonly string[] => [node.op, ...branchesOf(node).flatMap((branch) => branch.nodes.flatMap(opsDeep))];

const rename = (from: string, to: string) => create(NodeProtoSchema, { opType: "Identity", name: to, input: [from], output: [to] });

function encodeNode(node: Node) {
  return create(NodeProtoSchema, {
    opType: node.op,
    name: node.outputs[0]!.name,
    domain: microsoft.has(node.op) ? "com.microsoft" : "",
    input: node.inputs.map((input) => input?.name ?? ""),
    output: node.outputs.map((output) => output.name),
    attribute: Object.entries(node.attributes).map(([name, value]) => encodeAttribute(name, value)),
  });
}

function encodeAttribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === "number") {
    return create(
      AttributeProtoSchema,
      floatAttributes.has(name) ? { name, type: Type.FLOAT, f: value } : { name, type: Type.INT, i: BigInt(value) },
    );
  }
  if (typeof value === "string") return create(AttributeProtoSchema, { name, type: Type.STRING, s: Buffer.from(value) });
  if (!("nodes" in value)) return create(AttributeProtoSchema, { name, type: Type.INTS, ints: value.map(BigInt) });
  const g = create(GraphProtoSchema, { name, node: value.nodes.map(encodeNode), output: [encodeInfo(value.output, value.output.name)] });
  return create(AttributeProtoSchema, { name, type: Type.GRAPH, g });
}

function encodeTensor(value: Value, data: TensorData) {
  const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return create(TensorProtoSchema, { name: value.name, dims: value.shape.map(BigInt), dataType: dtypeNumbers[value.dtype], rawData });
}

function encodeInfo(value: Value, name: string) {
  const dim = value.shape.map((size) => ({
    value: typeof size === "number" ? { case: "dimValue" as const, value: BigInt(size) } : { case: "dimParam" as const, value: size },
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType: dtypeNumbers[value.dtype], shape: { dim } } } },
  });
}
