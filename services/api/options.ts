import { kinds, option } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";

export const options = {
  repository: option(kinds.text, places.repository, "Model repository: tokenizer and metadata of its newest version are used."),
  inference: option(
    kinds.text.regex(/^https?:\/\/./, "expected an address such as http://localhost:8000").optional(),
    undefined,
    "Address of an inference server with that repository, such as http://localhost:8000. Without one the model runs in this process.",
  ),
  repositoryPollSecs: option(
    kinds.number.nonnegative(),
    5,
    "Seconds between looks at the repository, and at the inference server, for another version. 0: none.",
  ),
  port: option(kinds.port, 5000, "Port to listen on; 0 for any that is free."),
  host: option(kinds.text, "0.0.0.0", "Address to listen on."),
  cacheSize: option(kinds.count, 0, "Texts whose scores are remembered. 0: none, so that a load test measures the model."),
  bodyLimit: option(kinds.positive, 1 << 20, "Bytes of a request's body."),
  timeout: option(kinds.positive.max(2 ** 31 - 1), 30_000, "Milliseconds a request may take."),
  queueLimit: option(kinds.positive, 1000, "Requests accepted at once; one more is answered by 503."),
  concurrency: option(
    kinds.count,
    0,
    "Windows of texts that the model runs at once; the others wait in order. 0: one a worker thread for the model of this process, 64 for an inference server.",
  ),
};
