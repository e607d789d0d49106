import { fail } from "../errors/errors.js";
import { type Shape, showShape } from "./dims.js";
import type { Attributes, Graph, Value } from "./graph.js";
import { bindOperands } from "./operands.js";
import { type Op, operators } from "./operators.js";
import { shapeRules } from "./shapes.js";

/**
 * Adds a node and returns its outputs, with the types and shapes of the operator's rule.
 * @param holds what the output, an int64 vector, is known to hold
 * @throws bad-shape with the operator and the shapes of its inputs
 */
export function addNode<O extends Op>(
  graph: Graph,
  op: O,
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
  operators[op].forEach((name, i) => {
    if (!name.endsWith("?") && inputs[i] === undefined) refuse(`the input ${name}`);
  });
  const types = shapeRules[op](bindOperands(op, inputs), attributes, refuse);
  const outputs = types.map(({ dtype, shape }) => ({ graph, name: `${op}_${graph.counter++}`, dtype, shape, ...(holds ? { holds } : {}) }));
  graph.nodes.push({ op, inputs, outputs, attributes });
  return outputs;
}
