import type { Shape } from "./dims.js";
import type { ArrayOf, DType, TensorData } from "./dtypes.js";
import type { Op } from "./operators.js";

/** A tensor of the graph, before it has data. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** The contents of an int64 vector, if known when the graph is built: the dimensions for Reshape, the axes for ReduceSum. */
  readonly holds?: Shape;
}

export type Attribute = number | string | readonly number[] | Branch;
export type Attributes = Readonly<Record<string, Attribute>>;

/** The body of one side of an If. It reads outer values by name and has one output. */
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

/** An ONNX graph under construction. Its nodes are in topological order. */
export interface Graph {
  readonly name: string;
  readonly inputs: Value[];
  readonly constants: Map<string, { readonly value: Value; readonly data: TensorData }>;
  readonly outputs: { readonly name: string; readonly value: Value }[];
  /** Where new nodes go: the graph's own list, or that of the branch being built. */
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

/** A tensor with its data, stored in the model (ONNX: initializer). A constant of the same `name` is reused. */
export function addConstant<D extends DType>(graph: Graph, dtype: D, shape: readonly number[], data: ArrayOf[D], name?: string): Value {
  const key = name ?? `constant_${graph.counter++}`;
  const known = graph.constants.get(key);
  if (known) return known.value;
  const holds = dtype === "int64" && shape.length === 1 ? { holds: Array.from(data as BigInt64Array, Number) } : {};
  const value: Value = { graph, name: key, dtype, shape, ...holds };
  graph.constants.set(key, { value, data });
  return value;
}

/** A branch of the nodes that `build` adds. */
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

/** Names of every value that a node or one of its branches reads. */
export function namesRead(node: Node): readonly string[] {
  const inner = branchesOf(node).flatMap((branch) => [branch.output.name, ...branch.nodes.flatMap(namesRead)]);
  return [...node.inputs.flatMap((input) => (input ? [input.name] : [])), ...inner];
}

/** The nodes that the graph's outputs depend on, in order. */
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
