import { addInput, type Graph, type Value } from "../onnx/graph.js";
import { add, cast, constant, less, mul, reshape, shiftRight } from "../onnx/ops.js";

/** int32 graph inputs of dropout: the step's seed [1], the number of each text in the whole batch [batch], and 0, 1, 2... [sequence]. */
export const dropoutInputs = { seed: "dropout_seed", rows: "dropout_rows", positions: "dropout_positions" } as const;

const bits = 24; // of a hash; they fit a float32 exactly

/**
 * Dropout (Srivastava et al. 2014) whose masks are hashes of seed, site, text, position and column. They are the same on every run,
 * however a batch is split over workers. ONNX's own Dropout draws from a hidden state.
 */
export function createDropout(graph: Graph, rate: number): (x: Value, index: "hidden" | "pooled" | "attention") => Value {
  if (rate === 0) return (x) => x;
  const seed = addInput(graph, dropoutInputs.seed, "int32", [1]);
  const rows = addInput(graph, dropoutInputs.rows, "int32", ["batch"]);
  const positions = addInput(graph, dropoutInputs.positions, "int32", ["sequence"]);
  const threshold = constant(graph, [rate * 2 ** bits], "float32", []);
  const range = (size: number) =>
    constant(
      graph,
      Array.from({ length: size }, (_, i) => i),
      "int32",
    );
  let sites = 0;
  return (x, index) => {
    const key = add(mul(seed, 0x632be5ab), (0x85157af5 * ++sites) | 0);
    const row = mix(add(rows, key));
    const width = x.shape.at(-1)!;
    const counter = {
      /** [batch*sequence, width] */
      hidden: () => spread(reshape(mix(spread(reshape(row, ["batch", 1]), positions)), ["batch*sequence", 1]), range(Number(width))),
      /** [batch, width] */
      pooled: () => spread(reshape(row, ["batch", 1]), range(Number(width))),
      /** [batch, heads, queries, sequence] */
      attention: () => {
        const [, heads, queries] = x.shape;
        const head = mix(spread(reshape(row, ["batch", 1]), range(Number(heads))));
        const query = mix(spread(reshape(head, ["batch", heads!, 1]), queries === "sequence" ? positions : range(Number(queries))));
        return spread(reshape(query, ["batch", heads!, queries!, 1]), positions);
      },
    }[index]();
    const uniform = cast(shiftRight(cast(mix(counter), "uint32"), 32 - bits), "float32");
    const dropped = cast(less(uniform, threshold), "float32");
    return mul(x, mul(add(mul(dropped, -1), 1), 1 / (1 - rate)));
  };
}

/** A different number for every column, from the hash of its row. */
const spread = (hash: Value, columns: Value) => add(hash, mul(columns, 0x9e3779b1 | 0));

/**
 * Scrambles int32s with RC6's bijection x (2x + 1) (Rivest et al. 1998), whose high bits depend on all bits, folded down twice.
 * The usual finalizers need exclusive or, which opset 17 lacks. Sums in its place leave neighbours correlated.
 */
function mix(x: Value): Value {
  const squared = (y: Value) => mul(y, add(mul(y, 2), 1));
  const folded = (y: Value, shift: number) => add(y, cast(shiftRight(cast(y, "uint32"), shift), "int32"));
  return mul(folded(squared(folded(squared(x), 16)), 15), 0xc2b2ae35 | 0);
}
