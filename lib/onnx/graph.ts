import { fail } from "../errors/errors.js";
import { type Shape, showShape } from "./dims.js";
import { type Op, shapeRules } from "./shapes.js";

export type DType = "float32" | "float16" | "float64" | "int64" | "int32" | "uint32" | "int8" | "uint8" | "bool";

/** The typed array that holds a dtype; booleans are bytes of 0 and 1, float16 its bits. */
export interface ArrayOf {
  float32: Float32Array;
  float16: Uint16Array;
  float64: Float64Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int8: Int8Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}
export type TensorData = ArrayOf[DType];

/** A tensor of the graph, before it has data. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** What an int64 vector is known to hold while the graph is built: the dimensions given to Reshape, the axes given to ReduceSum. */
  readonly holds?: Shape;
}

export type Attribute = number | string | readonly number[] | Branch;
export type Attributes = Readonly<Record<string, Attribute>>;

/** The body of one side of an If: it reads outer values by name and has one output. */
export interface Branch {
  readonly nodes: readonly Node[];
  readonly output: Value;
}

export interface Node {
  readonly op: Op;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/** An ONNX graph under construction; nodes stand in an order in which they can run. */
export interface Graph {
  readonly name: string;
  readonly inputs: Value[];
  readonly constants: Map<string, { readonly value: Value; readonly data: TensorData }>;
  readonly outputs: { readonly name: string; readonly value: Value }[];
  /** Where new nodes go: the graph's own list, or a branch's while it is built. */
  nodes: Node[];
  /** Makes names unique across the graph and its branches. */
  counter: number;
}

export function createGraph(name: string): Graph {
  return { name, inputs: [], constants: new Map(), outputs: [], nodes: [], counter: 0 };
}

export function addInput(graph: Graph, name: string, dtype: DType, shape: Shape): Value {
  const value = { graph, name, dtype, shape };
  graph.inputs.push(value);
  return value;
}

export function addOutput(graph: Graph, name: string, value: Value): void {
  graph.outputs.push({ name, value });
}

/** A tensor with its data, stored in the model (ONNX: initializer). One that is already there under `name` is used again. */
export function addConstant<D extends DType>(graph: Graph, dtype: D, shape: readonly number[], data: ArrayOf[D], name?: string): Value {
  const key = name ?? `constant_${graph.counter++}`;
  const known = graph.constants.get(key);
  if (known) return known.value;
  const holds = dtype === "int64" && shape.length === 1 ? { holds: Array.from(data as BigInt64Array, Number) } : {};
  const value: Value = { graph, name: key, dtype, shape, ...holds };
  graph.constants.set(key, { value, data });
  return value;
}

/**
 * Adds a node and answers its outputs, typed and shaped by the operator's rule.
 * @throws bad-shape naming the operator and the shapes of its inputs
 */
export function addNode(
  graph: Graph,
  op: Op,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes = {},
  holds?: Shape,
): readonly Value[] {
  const refuse = (expected: string): never =>
    fail("bad-shape", {
      op,
      expected,
      got: inputs.map((input) => (input ? `${input.name} ${input.dtype} ${showShape(input.shape)}` : "none")).join(", "),
    });
  const types = shapeRules[op](inputs as readonly Value[], attributes, refuse);
  const outputs = types.map(({ dtype, shape }) => ({ graph, name: `${op}_${graph.counter++}`, dtype, shape, ...(holds ? { holds } : {}) }));
  graph.nodes.push({ op, inputs, outputs, attributes });
  return outputs;
}

/** Builds the nodes that `build` adds into a branch of their own. */
export function addBranch(graph: Graph, build: () => Value): Branch {
  const outer = graph.nodes;
  graph.nodes = [];
  try {
    const output = build();
    return { nodes: graph.nodes, output };
  } finally {
    graph.nodes = outer;
  }
}

/** The branches among a node's attributes. */
export function branchesOf(node: Node): readonly Branch[] {
  return Object.values(node.attributes).filter((attribute): attribute is Branch => typeof attribute === "object" && "nodes" in attribute);
}

/** Names of every value that a node reads, also from within its branches. */
export function namesRead(node: Node): readonly string[] {
  const inner = branchesOf(node).flatMap((branch) => [branch.output.name, ...branch.nodes.flatMap(namesRead)]);
  return [...node.inputs.flatMap((input) => (input ? [input.name] : [])), ...inner];
}

/** The nodes that the outputs depend on, in order. */
export function liveNodes(graph: Graph): readonly Node[] {
  const needed = new Set(graph.outputs.map(({ value }) => value.name));
  const live: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output.name))) continue;
    live.push(node);
    for (const name of namesRead(node)) needed.add(name);
  }
  return live.reverse();
}
