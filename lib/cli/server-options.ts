import { kinds, option } from "./options.js";

/** Options of every server that clients reach. */
export const serverOptions = {
  bodiesLimit: option(kinds.positive, 32 << 20, "Bytes of request bodies in memory at the same time. Further long bodies get status 503."),
  maxConnections: option(
    kinds.positive,
    4000,
    "Largest number of connections, at most half of the file descriptors. A further one closes the oldest that waits for its client.",
  ),
  keepAliveTimeout: option(
    kinds.duration.refine((seconds) => seconds > 0, "must be more than 0"),
    72,
    "Time that a connection stays open without a request, in seconds or with a unit. Use more than a load balancer in front does.",
  ),
  shutdownDelay: option(
    kinds.duration,
    0,
    "Time after SIGTERM, in seconds or with a unit, in which it still serves but is not ready, so that load balancers stop sending requests before it stops.",
  ),
};
