import type { Case, Expected } from "./conformance.js";

/** The version that the cases were compared with. */
const triton = "Triton 2.51";

/** The text of docs/protocol.md, generated from the conformance cases. */
export function describeConformance(groups: Readonly<Record<string, readonly Case[]>>): string {
  const cases = Object.values(groups).flat();
  const different = cases.filter((one) => one.triton).length;
  const tables = Object.entries(groups).map(([group, cases]) => `## ${group}\n\n${formatTable(cases)}`);
  return `# The inference protocol

\`readability inference\` implements the Open Inference Protocol (KServe v2) over HTTP, like NVIDIA Triton Inference Server: the same paths, bodies and status codes.

- **Supported extensions**: binary tensors, model configuration, parameters, schedule policy (\`timeout\`; \`priority\` is accepted and ignored), statistics,
  model repository (index, load, unload).
- **Not supported**: gRPC, classification, sequences, shared memory, generate, trace and logging settings.
- **HEAD** works on every path that answers GET. Triton refuses HEAD and sends a body with the refusal, which HTTP forbids.

The tests send all ${cases.length} requests below to both servers, with the same model repository. ${triton} answers ${different} of them differently. The tables show
status codes; the tests compare bodies too. This page is generated from test/conformance.ts by \`npx vitest run test/conformance.test.ts -u\`.

Both servers served the released model on one machine (AMD Zen 3, AVX2, 2 cores). Over the 96 passages of data/sample, scores in fp32 differ by at most 1.1e-6.
In int8 they differ by .005 on average and by at most .024, because Triton had ONNX Runtime 1.27, which rounds differently from our 1.30. The tests make the same comparison
with a small model, also through Python's tritonclient: over HTTP with both servers, over gRPC with Triton.

${tables.join("\n\n")}
`;
}

function formatTable(cases: readonly Case[]): string {
  const rows = cases.map(({ name, answer, triton }) => [name, describe(answer), describe(triton ?? answer), triton?.why ?? ""]);
  return [["Request", "readability", triton, "Why they differ"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
}

const describe = ({ status, binary, encoding }: Expected) =>
  [status, ...(binary ? ["binary"] : []), ...(encoding ? [encoding] : [])].join(", ");
