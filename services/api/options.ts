import { kinds, option } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import { serverOptions } from "../../lib/cli/server-options.js";

export const options = {
  repository: option(kinds.text, places.repository, "Model repository. The tokenizer and metadata of its newest version are used."),
  inference: option(
    kinds.text.regex(/^https?:\/\/./, "must be an address such as http://localhost:8000").optional(),
    undefined,
    "Address of an inference server that serves the repository, such as http://localhost:8000. Without it the model runs in this process.",
  ),
  repositoryPollSecs: option(
    kinds.duration,
    5,
    "Time between checks of the repository and the inference server for another version, in seconds or with a unit. 0: no checks.",
  ),
  port: option(kinds.port, 5000, "Port to listen on. 0: any free port."),
  host: option(kinds.text, "::", "Address to listen on. ::, every address; 0.0.0.0, every address of IPv4."),
  cacheSize: option(kinds.count, 0, "Number of texts whose scores are cached. 0: no cache, so that a load test measures the model."),
  bodyLimit: option(kinds.positive, 1 << 20, "Largest request body, decompressed, in bytes."),
  ...serverOptions,
  keys: option(
    kinds.text.optional(),
    undefined,
    "File of API keys, of which requests for scores then need one: on each line the SHA-256 hash of a key, and a name. It is read again when it changes.",
  ),
  rateLimit: option(
    kinds.count,
    0,
    "Largest number of requests for scores in a minute, from each key, or each address without keys. 0: no limit.",
  ),
  corsOrigin: option(
    kinds.list.refine(
      (origins) => origins.every((origin) => /^(\*|https?:\/\/[^/\s]+)$/.test(origin)),
      "must be origins such as https://example.org, or *",
    ),
    [],
    "Origins whose pages may use the api in browsers, such as https://example.org. *: all. Default: none but its own.",
  ),
  timeout: option(kinds.milliseconds, 30_000, "Longest time for a request, in milliseconds or with a unit."),
  queueLimit: option(kinds.positive, 1000, "Largest number of requests in progress. Further requests get status 503."),
  concurrency: option(
    kinds.count,
    0,
    "Text windows that the model runs at once; others wait in order. 0: one per worker thread for the model in this process, 64 for an inference server.",
  ),
};
