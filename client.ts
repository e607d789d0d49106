// The package's entry point "readability-scoring/client": scores texts with an api, from Node or a browser. docs/package.md describes it.
export { ApiError } from "./lib/client/api-error.js";
export {
  type Client,
  type ClientOptions,
  createClient,
  type ScoreCallOptions,
} from "./lib/client/client.js";
export type { RequestOptions } from "./lib/client/request.js";
export type { StreamOptions } from "./lib/client/stream.js";
export type * from "./lib/serving/result-types.js";
