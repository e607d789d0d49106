import { once } from "node:events";
import type { Writable } from "node:stream";

interface Output {
  /** Resolves when the stream can take more. @throws the reason of `closed` */
  write(line: string): Promise<void>;
  /** Aborts when the reader closes the output, as `head` does. */
  readonly closed: AbortSignal;
  release(): void;
}

/** Writes to a stream with backpressure. */
export function openOutput(stream: Writable): Output {
  const controller = new AbortController();
  const { signal: closed } = controller;
  const onError = (error: NodeJS.ErrnoException) => controller.abort(error);
  stream.on("error", onError);
  return {
    async write(line) {
      closed.throwIfAborted();
      if (!stream.write(line)) await once(stream, "drain", { signal: closed });
    },
    closed,
    release: () => stream.off("error", onError),
  };
}
