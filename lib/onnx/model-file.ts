import { defineMessage, encodeMessage } from "../storage/protobuf.js";
import { dtypeNumbers, type TensorData } from "./dtypes.js";
import { type Attribute, branchesOf, type Graph, liveNodes, type Node, namesRead, type Value } from "./graph.js";
import { microsoftOperators } from "./operators.js";

/** What Triton's ONNX Runtime, which is older than ours, can read. */
const opset = 17;
const irVersion = 8;

// The messages of ONNX's onnx.proto3 of these names, without the fields that we do not write.
const model = defineMessage({
  irVersion: [1, "int64"],
  producerName: [2, "string"],
  producerVersion: [3, "string"],
  graph: [7, "message"],
  opsetImport: [8, "messages"],
});
const operatorSetId = defineMessage({ domain: [1, "string"], version: [2, "int64"] });
const graphProto = defineMessage({
  node: [1, "messages"],
  name: [2, "string"],
  initializer: [5, "messages"],
  input: [11, "messages"],
  output: [12, "messages"],
});
const nodeProto = defineMessage({
  input: [1, "strings"],
  output: [2, "strings"],
  name: [3, "string"],
  opType: [4, "string"],
  attribute: [5, "messages"],
  domain: [7, "string"],
});
const attributeProto = defineMessage({
  name: [1, "string"],
  f: [2, "float"],
  i: [3, "int64"],
  s: [4, "string"],
  g: [6, "message"],
  ints: [8, "int64s"],
  type: [20, "int64"],
});
/** The attribute types that the fields of these names go with. */
const attributeTypes = { f: 1, i: 2, s: 3, g: 5, ints: 7 } as const;
const tensorProto = defineMessage({ dims: [1, "int64s"], dataType: [2, "int64"], name: [8, "string"], rawData: [9, "bytes"] });
const valueInfo = defineMessage({ name: [1, "string"], type: [2, "message"] });
const typeProto = defineMessage({ tensorType: [1, "message"] });
const tensorType = defineMessage({ elemType: [1, "int64"], shape: [2, "message"] });
const tensorShape = defineMessage({ dim: [1, "messages"] });
const dimension = defineMessage({ dimValue: [1, "int64"], dimParam: [2, "string"] });

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
  const isMicrosoft = nodes.flatMap(opsDeep).some((op) => microsoft.has(op));
  const message = model({
    irVersion,
    producerName: producer.name,
    producerVersion: producer.version,
    opsetImport: [operatorSetId({ version: opset }), ...(isMicrosoft ? [operatorSetId({ domain: "com.microsoft", version: 1 })] : [])],
    graph: graphProto({
      name: graph.name,
      node: [
        ...nodes.map(encodeNode),
        ...graph.outputs.flatMap(({ name, value }) => (name === value.name ? [] : [rename(value.name, name)])),
      ],
      initializer: constants.map(({ value, data }) => encodeTensor(value, data)),
      input: graph.inputs.map((value) => encodeInfo(value, value.name)),
      output: graph.outputs.map(({ name, value }) => encodeInfo(value, name)),
    }),
  });
  return encodeMessage(message);
}

const opsDeep = (node: Node): readonly string[] => [node.op, ...branchesOf(node).flatMap((branch) => branch.nodes.flatMap(opsDeep))];

const rename = (from: string, to: string) => nodeProto({ opType: "Identity", name: to, input: [from], output: [to] });

function encodeNode(node: Node) {
  return nodeProto({
    opType: node.op,
    name: node.outputs[0]!.name,
    domain: microsoft.has(node.op) ? "com.microsoft" : "",
    input: node.inputs.map((input) => input?.name ?? ""),
    output: node.outputs.map((output) => output.name),
    attribute: Object.entries(node.attributes).map(([name, value]) => encodeAttribute(name, value)),
  });
}

function encodeAttribute(name: string, value: Attribute) {
  if (typeof value === "string") return attributeProto({ name, type: attributeTypes.s, s: value });
  if (typeof value === "number" && floatAttributes.has(name)) return attributeProto({ name, type: attributeTypes.f, f: value });
  if (typeof value === "number") return attributeProto({ name, type: attributeTypes.i, i: value });
  if (!("nodes" in value)) return attributeProto({ name, type: attributeTypes.ints, ints: value });
  const { nodes, output } = value;
  const g = graphProto({ name, node: nodes.map(encodeNode), output: [encodeInfo(output, output.name)] });
  return attributeProto({ name, type: attributeTypes.g, g });
}

function encodeTensor({ name, shape, dtype }: Value, data: TensorData) {
  const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return tensorProto({ name, dims: shape as readonly number[], dataType: dtypeNumbers[dtype], rawData });
}

function encodeInfo({ dtype, shape }: Value, name: string) {
  const dim = shape.map((size) => dimension(typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return valueInfo({ name, type: typeProto({ tensorType: tensorType({ elemType: dtypeNumbers[dtype], shape: tensorShape({ dim }) }) }) });
}
