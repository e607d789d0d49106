import { fail } from "../errors/errors.js";
import { type Shape, sameShape, showShape } from "../onnx/dims.js";
import { type Node, namesRead, type Value } from "../onnx/graph.js";
import { bindOperands } from "../onnx/operands.js";
import type { Op } from "../onnx/operators.js";
import { add, constant, reduceSum, reshape } from "../onnx/ops.js";
import { type DifferentiableOp, gradients } from "./gradients.js";

/**
 * Reverse-mode differentiation: the gradients of `loss` with respect to `targets`, as new nodes of the same graph.
 * @param loss a scalar
 * @throws bad-shape for a loss that is not a scalar; no-gradient for an operator without a rule between a target and the loss
 */
export function backward(loss: Value, targets: readonly Value[]): ReadonlyMap<Value, Value> {
  const { graph } = loss;
  if (loss.shape.length > 0) fail("bad-shape", { op: "backward", expected: "a scalar loss", got: showShape(loss.shape) });
  const path = nodesBetween(graph.nodes, targets, loss);
  const gradient = new Map<Value, Value>([[loss, constant(graph, [1], loss.dtype, [])]]);
  const wanted = new Set<Value>([...targets, ...path.flatMap((node) => node.outputs)]);
  for (const node of path.toReversed()) {
    const [dy, ...others] = node.outputs.map((output) => gradient.get(output));
    if (others.some((other) => other)) fail("no-gradient", { op: `An output of ${node.op} beside its first` });
    if (dy === undefined) continue;
    const { op } = node;
    const gradientsOfInputs = isDifferentiable(op) ? differentiate(op, node, dy) : fail("no-gradient", { op });
    gradientsOfInputs.forEach((dx, i) => {
      const input = node.inputs[i];
      if (dx === undefined || input === undefined || !wanted.has(input)) return;
      const [summed, before] = [sumTo(dx, input.shape), gradient.get(input)];
      if (!sameShape(summed.shape, input.shape))
        fail("bad-shape", { op: `The gradient of ${op}`, expected: showShape(input.shape), got: showShape(summed.shape) });
      gradient.set(input, before === undefined ? summed : add(before, summed));
    });
  }
  return new Map(targets.map((target) => [target, gradient.get(target) ?? fail("no-gradient", { op: `the input ${target.name}` })]));
}

const isDifferentiable = (op: Op): op is DifferentiableOp => op in gradients;

/** The gradients of a node's inputs, before the sum over broadcast dimensions. */
function differentiate<O extends DifferentiableOp>(op: O, { inputs, outputs, attributes }: Node, dy: Value) {
  return gradients[op]({ ...bindOperands(op, inputs), y: outputs[0]!, outputs, attributes }, dy);
}

/** Sums a gradient over the dimensions along which its value was broadcast. */
export function sumTo(x: Value, shape: Shape): Value {
  const added = x.shape.length - shape.length;
  const leading = Array.from({ length: added }, (_, i) => i);
  const stretched = shape.flatMap((dim, i) => (dim === 1 && x.shape[i + added] !== 1 ? [i + added] : []));
  const axes = [...leading, ...stretched];
  if (axes.length === 0) return x;
  const sum = reduceSum(x, axes);
  return added === 0 ? sum : reshape(sum, shape);
}

/** The nodes between the targets and the loss, in order. */
function nodesBetween(nodes: readonly Node[], targets: readonly Value[], loss: Value): readonly Node[] {
  const reached = new Set(targets.map(({ name }) => name));
  const downstream = nodes.filter((node) => {
    const reads = namesRead(node).some((name) => reached.has(name));
    if (reads) for (const { name } of node.outputs) reached.add(name);
    return reads;
  });
  const needed = new Set([loss.name]);
  return downstream
    .toReversed()
    .filter((node) => {
      const used = node.outputs.some(({ name }) => needed.has(name));
      if (used) for (const name of namesRead(node)) needed.add(name);
      return used;
    })
    .toReversed();
}
