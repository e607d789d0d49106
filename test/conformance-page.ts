import type { Case, Expected } from "./conformance.js";

/** The version that the cases were compared with. */
const triton = "Triton 2.51";

/** docs/protocol.md, of the cases of the conformance suite. */
export function describeConformance(groups: Readonly<Record<string, readonly Case[]>>): string {
  const cases = Object.values(groups).flat();
  const different = cases.filter((one) => one.triton).length;
  const tables = Object.entries(groups).map(([group, cases]) => `## ${group}\n\n${formatTable(cases)}`);
  return `# The inference protocol

\`readability inference\` speaks the Open Inference Protocol (KServe v2) over HTTP, as NVIDIA Triton Inference Server does: the same paths, bodies and statuses, with
Triton's extensions for binary tensors, model configuration, parameters, schedule policy (\`timeout\`; a \`priority\` is read and changes nothing),
statistics and the model repository (index, load, unload). What is Triton's alone is not offered: gRPC, classification, sequences, shared memory, generate, trace and
logging settings. HEAD is answered wherever GET is; Triton refuses it, with a body that HTTP forbids there.

The tests ask both servers every request below, on one model repository: ${cases.length} requests, of which ${different} are answered otherwise by ${triton}. A status stands for
the whole answer: bodies are compared too. This page is made of the suite in test/conformance.ts; \`npx vitest run test/conformance.test.ts -u\` writes it again.

The released model served by both on one machine (AMD Zen 3, AVX2, 2 cores): the scores of the 96 passages of data/sample differ by at most 1.1e-6 in fp32, and by
.005 on average and .024 at most in int8, as Triton had ONNX Runtime 1.27, which rounds otherwise than our 1.30. The tests compare a small model likewise, and what
Python's tritonclient gets: over HTTP from both, over gRPC from Triton.

${tables.join("\n\n")}
`;
}

function formatTable(cases: readonly Case[]): string {
  const rows = cases.map(({ name, answer, triton }) => [name, describe(answer), describe(triton ?? answer), triton?.why ?? ""]);
  return [["Request", "Here", triton, "Why they differ"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
}

const describe = ({ status, binary, encoding }: Expected) =>
  [status, ...(binary ? ["binary"] : []), ...(encoding ? [encoding] : [])].join(", ");
