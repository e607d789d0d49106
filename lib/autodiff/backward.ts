import { fail } from "../errors/errors.js";
import { addConstant, type Node, type Value } from "../onnx/graph.js";
import { add } from "../onnx/ops.js";
import { type DifferentiableOp, gradients } from "./gradients.js";

/**
 * Reverse-mode differentiation: gradients of `loss` with respect to `targets`, as new nodes of the same graph.
 * @param loss a scalar
 * @throws no-gradient naming an operator without a rule on the way from a target to the loss
 */
export function backward(loss: Value, targets: readonly Value[]): ReadonlyMap<Value, Value> {
  const { graph } = loss;
  const path = nodesBetween(graph.nodes, targets, loss);
  const one =
    loss.dtype === "float64"
      ? addConstant(graph, "float64", [], new Float64Array([1]))
      : addConstant(graph, "float32", [], new Float32Array([1]));
  const gradient = new Map<Value, Value>([[loss, one]]);
  const wanted = new Set<Value>([...targets, ...path.flatMap((node) => node.outputs)]);
  for (const node of path.toReversed()) {
    const dy = gradient.get(node.outputs[0]!);
    if (dy === undefined) continue;
    const rule = gradients[node.op as DifferentiableOp] ?? fail("no-gradient", { op: node.op });
    rule(node, dy).forEach((dx, i) => {
      const input = node.inputs[i];
      if (dx === undefined || input === undefined || !wanted.has(input)) return;
      const sum = gradient.get(input);
      gradient.set(input, sum === undefined ? dx : add(sum, dx));
    });
  }
  return new Map(targets.map((target) => [target, gradient.get(target) ?? fail("no-gradient", { op: `the input ${target.name}` })]));
}

/** Nodes through which a target reaches the loss, in order. */
function nodesBetween(nodes: readonly Node[], targets: readonly Value[], loss: Value): readonly Node[] {
  const reached = new Set<Value>(targets);
  const downstream = nodes.filter((node) => {
    const reads = node.inputs.some((input) => input && reached.has(input));
    if (reads) for (const output of node.outputs) reached.add(output);
    return reads;
  });
  const needed = new Set<Value>([loss]);
  return downstream
    .toReversed()
    .filter((node) => {
      const used = node.outputs.some((output) => needed.has(output));
      if (used) for (const input of node.inputs) if (input) needed.add(input);
      return used;
    })
    .toReversed();
}
