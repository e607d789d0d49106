import type { Value } from "./graph.js";
import { type Op, operators } from "./operators.js";

type NameOf<O extends Op> = (typeof operators)[O][number];

/** A node's inputs by the names in `operators`. */
export type Operands<O extends Op> = { readonly [N in NameOf<O> as N extends `${string}?` ? never : N]: Value } & {
  readonly [N in NameOf<O> as N extends `${infer Optional}?` ? Optional : never]: Value | undefined;
} & { readonly inputs: readonly Value[] };

export function bindOperands<O extends Op>(op: O, inputs: readonly (Value | undefined)[]): Operands<O> {
  const named = operators[op].map((name, i) => [name.replace("?", ""), inputs[i]] as const);
  return { ...Object.fromEntries(named), inputs } as unknown as Operands<O>;
}
