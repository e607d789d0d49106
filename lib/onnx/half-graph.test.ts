import { expect, it } from "vitest";
import { addConstant, addInput, addOutput, createGraph } from "./graph.js";
import { halveGraph } from "./half-graph.js";
import { encodeModel } from "./model-file.js";
import { add, cast, equal, gather, ifElse, matmul, mul, reduceSum } from "./ops.js";
import { createSession } from "./session.js";

/** Rows of a table by id, doubled where the first id is 0, times a matrix, summed. */
function buildGraph() {
  const graph = createGraph("test");
  const ids = addInput(graph, "ids", "int64", ["count"]);
  const table = addConstant(graph, "float32", [3, 2], Float32Array.of(1 / 3, 0.1, 2, -0.7, 1e-3, 5), "table");
  const rows = add(gather(table, ids), mul(cast(reduceSum(ids, [0], 0), "float32"), 0.001));
  const chosen = ifElse(
    equal(reduceSum(ids, [0], 0), 0),
    () => mul(rows, 2),
    () => mul(rows, 1),
  );
  const head = addConstant(graph, "float32", [2, 1], Float32Array.of(1.0001, -0.3333), "head");
  addOutput(graph, "score", reduceSum(matmul(chosen, head), [0, 1], 0));
  return graph;
}

const run = async (graph: ReturnType<typeof buildGraph>, ids: readonly number[]) => {
  const session = await createSession(encodeModel(graph, { name: "test", version: "1" }), { threads: 1, optimization: "basic" });
  const { score } = await session.run({ ids: { dtype: "int64", shape: [ids.length], data: BigInt64Array.from(ids, BigInt) } });
  await session.close();
  expect(score!.dtype).toBe("float32");
  return score!.data[0] as number;
};

const dtypes = (graph: ReturnType<typeof buildGraph>) => new Map([...graph.constants].map(([name, { value }]) => [name, value.dtype]));

it.each([[[0]], [[0, 1, 2]]])("computes in float16 what the graph computes in float32: %j", async (ids) => {
  const exact = await run(buildGraph(), ids);
  const half = await run(halveGraph(buildGraph(), () => false), ids); // biome-ignore format: a line
  expect(half).not.toBe(exact);
  expect(Math.abs(half - exact)).toBeLessThan(5e-3);
});

it("does not change nodes that depend on an exact constant", async () => {
  const halved = halveGraph(buildGraph(), (name) => name === "head");
  expect(dtypes(halved).get("table")).toBe("float16");
  expect(dtypes(halved).get("head")).toBe("float32");
  const bits = new Uint32Array(Float32Array.of(await run(halved, [1, 2])).buffer)[0]!;
  expect(bits & 0x1fff).not.toBe(0); // more digits than float16 has
});

it("does not change the original graph", () => {
  const graph = buildGraph();
  const before = encodeModel(graph, { name: "test", version: "1" });
  halveGraph(graph, () => false);
  expect(encodeModel(graph, { name: "test", version: "1" })).toEqual(before);
});
