import { z } from "zod";
import { kinds, option } from "../../lib/cli/options.js";

export const options = {
  repository: option(kinds.text, "artifacts/repository", "Model repository: the newest version of each model is served."),
  modelControlMode: option(
    z.enum(["poll", "explicit", "none"]),
    "poll",
    "When models are loaded: poll (at start and when the repository changes), explicit (when a client asks), none (at start).",
  ),
  repositoryPollSecs: option(kinds.number.positive(), 5, "Seconds between looks at the repository, with poll."),
  port: option(kinds.port, 8000, "Port of the Open Inference Protocol; 0 for any that is free."),
  metricsPort: option(kinds.port, 8002, "Port of /metrics; 0 for any that is free."),
  host: option(kinds.text, "0.0.0.0", "Address to listen on."),
  sessions: option(kinds.count, 0, "Texts run at the same time, each by one thread. 0: as the repository was measured, or one a core."),
  queueLimit: option(kinds.positive, 1000, "Texts of a model that may wait, also the most in one request; one more is answered by 503."),
  timeout: option(kinds.positive.max(2 ** 31 - 1), 30_000, "Milliseconds a request may wait that names no timeout of its own."),
  bodyLimit: option(kinds.positive, 16 << 20, "Bytes of a request's body."),
};
