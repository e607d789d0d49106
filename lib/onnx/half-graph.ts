import { toHalf } from "../math/float16.js";
import { type DType, dtypeNumbers } from "./dtypes.js";
import { type Attribute, addOutput, type Branch, createGraph, type Graph, type Node, type Value } from "./graph.js";
import { cast } from "./ops.js";

/**
 * A copy of a graph that computes in float16 instead of float32. Nodes that depend on an exact constant stay in float32, and outputs keep
 * their types. Inputs must not be float32.
 * @param isExact whether the constant of this name stays float32
 */
export function halveGraph(graph: Graph, isExact: (constant: string) => boolean): Graph {
  const half = createGraph(graph.name);
  half.counter = graph.counter;
  const kept = new Set<string>();
  const halveValue = (value: Value): Value => ({
    ...value,
    graph: half,
    dtype: kept.has(value.name) ? value.dtype : halveType(value.dtype),
  });
  half.inputs.push(...graph.inputs.map((value) => ({ ...value, graph: half })));
  for (const [name, { value, data }] of graph.constants) {
    if (isExact(name)) kept.add(name);
    const halved = data instanceof Float32Array && !kept.has(name) ? toHalf(data) : data;
    half.constants.set(name, { value: halveValue(value), data: halved });
  }
  for (const node of graph.nodes) {
    const isKept = node.inputs.some((input) => input && kept.has(input.name));
    if (!isKept) half.nodes.push(halveNode(node, halveValue));
    else {
      for (const { name } of node.outputs) kept.add(name);
      const inputs = node.inputs.map((input) => input && cast(halveValue(input), input.dtype));
      half.nodes.push({ ...node, inputs, outputs: node.outputs.map(halveValue) });
    }
  }
  for (const { name, value } of graph.outputs) addOutput(half, name, cast(halveValue(value), value.dtype));
  return half;
}

const halveType = (dtype: DType): DType => (dtype === "float32" ? "float16" : dtype);

function halveNode({ op, inputs, outputs, attributes }: Node, halveValue: (value: Value) => Value): Node {
  const halveBranch = ({ nodes, output }: Branch): Branch => ({
    nodes: nodes.map((node) => halveNode(node, halveValue)),
    output: halveValue(output),
  });
  const halveAttribute = (name: string, value: Attribute): Attribute => {
    if (op === "Cast" && name === "to" && value === dtypeNumbers.float32) return dtypeNumbers.float16;
    return typeof value === "object" && "nodes" in value ? halveBranch(value) : value;
  };
  return {
    op,
    inputs: inputs.map((input) => input && halveValue(input)),
    outputs: outputs.map(halveValue),
    attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, halveAttribute(name, value)])),
  };
}
