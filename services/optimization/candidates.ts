import { numbersOf, type Precision } from "../../lib/bert/precisions.js";
import { fail } from "../../lib/errors/errors.js";

export const targets = ["cpu", "gpu"] as const;
export type Target = (typeof targets)[number];

/** What the option --precision takes. */
export const precisionChoices = ["auto", "fp32", "int8", "fp16"] as const;
export type PrecisionChoice = (typeof precisionChoices)[number];

const choicesOf: { readonly [target in Target]: readonly PrecisionChoice[] } = {
  cpu: ["auto", "fp32", "int8"],
  gpu: ["auto", "fp32", "fp16"],
};

/** The kind of a precision, for metadata and users. */
export const kindOf = (precision: Precision): "fp32" | "fp16" | "int8" => {
  if (precision === "fp32" || precision === "fp16") return precision;
  return "int8";
};

/** @throws bad-combination */
export function checkChoice(target: Target, precision: PrecisionChoice): void {
  if (choicesOf[target].includes(precision)) return;
  const why = target === "gpu" ? "8-bit graphs are built for CPUs only" : "CPUs compute float16 as float32, only slower";
  fail("bad-combination", {
    options: `--target ${target} --precision ${precision}`,
    why,
    remedy: `Use one of ${choicesOf[target].join(", ")}.`,
  });
}

/**
 * The precisions to try beside fp32, from the fastest to the most accurate. A slower one is worth trying only if those before it fail the
 * accuracy gate.
 * @param saturating whether the processor's 8-bit products overflow
 * @param layers of the model: with one or two, keeping the first and the last in floats would leave none to quantize
 */
export function listCandidates(target: Target, saturating: boolean, layers: number): readonly Precision[] {
  if (target === "gpu") return ["fp16"];
  const precisions = saturating
    ? (["int7", "int7-last", "int7-first", "int7-ends"] as const)
    : (["int8", "int8-last", "int8-first", "int8-ends"] as const);
  return precisions.filter((precision) => (numbersOf(precision).exact ?? []).length < layers);
}
