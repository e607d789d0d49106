/// <reference lib="esnext.disposable" preserve="true" />
// The package's entry point: scores texts in this process. docs/package.md describes it.
export { type ErrorCode, ReadabilityError } from "./lib/errors/errors.js";
export { type LoadOptions, loadScorer, type Scorer } from "./lib/serving/load-scorer.js";
export type * from "./lib/serving/result-types.js";
