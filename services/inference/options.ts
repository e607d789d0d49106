import { z } from "zod";
import { kinds, option } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import { serverOptions } from "../../lib/cli/server-options.js";

export const options = {
  repository: option(kinds.text, places.repository, "Model repository. The newest version of each model is served."),
  modelControlMode: option(
    z.enum(["poll", "explicit", "none"]),
    "poll",
    "When to load models. poll: at start and when the repository changes; explicit: when a client asks; none: at start only.",
  ),
  repositoryPollSecs: option(
    kinds.duration.refine((seconds) => seconds > 0, "must be more than 0"),
    5,
    "Time between checks of the repository, with --model-control-mode poll, in seconds or with a unit.",
  ),
  port: option(kinds.port, 8000, "Port of the Open Inference Protocol. 0: any free port."),
  metricsPort: option(kinds.port, 8002, "Port of /metrics. 0: any free port."),
  host: option(kinds.text, "::", "Address to listen on. ::, every address; 0.0.0.0, every address of IPv4."),
  sessions: option(kinds.count, 0, "Texts scored at the same time, each by one thread. 0: as measured by optimization, else one per core."),
  queueLimit: option(kinds.positive, 1000, "Texts of a model that may wait, and the most in one request. Further requests get status 503."),
  timeout: option(kinds.milliseconds, 30_000, "Longest wait of a request without a timeout of its own, in milliseconds or with a unit."),
  bodyLimit: option(kinds.positive, 16 << 20, "Largest request body, decompressed, in bytes."),
  ...serverOptions,
};
