import { ReadabilityError } from "../errors/errors.js";
import { connectServer } from "../protocol/client.js";
import type { ModelVersion } from "../repository/repository.js";
import type { Engine } from "./engine.js";

/** Runs windows on an inference server. Each request is a lane, so only the scheduler's `width` limits their number. */
export interface RemoteEngine extends Engine {
  /** Whether the server's model is ready. @throws other-model if its inputs or output are not what the client sends and reads */
  ready(): Promise<boolean>;
  /** Whether the server answers at all; its model may still be loading. */
  live(): Promise<boolean>;
}

/**
 * Connects to the server of a version of a model.
 * @param url its address, such as http://localhost:8000
 * @param timeout of requests without a deadline, in milliseconds
 */
export function connectEngine(url: string, { model, version, metadata }: ModelVersion, timeout: number): RemoteEngine {
  const { length_buckets: buckets, pad_token_id: padId } = metadata;
  const server = connectServer(url, model, { version, timeout, buckets, padId });
  let checked = false;
  return {
    free: Infinity,
    async run(ids, { signal, timeout, traceparent }) {
      const began = performance.now();
      const logit = await server.score(ids, { signal, traceparent, ...(timeout === Infinity ? {} : { timeout }) });
      return { logit, seconds: (performance.now() - began) / 1000 };
    },
    async ready() {
      if (!(await server.ready())) return false;
      if (checked) return true;
      try {
        await server.check();
      } catch (error) {
        if (error instanceof ReadabilityError && error.code === "other-model") throw error;
        return false; // the server went away meanwhile
      }
      checked = true;
      return true;
    },
    live: server.live,
    close: server.close,
  };
}
