/** The result of running one window. */
export interface Run {
  readonly logit: number;
  /** Seconds it took. */
  readonly seconds: number;
}

interface RunLimits {
  readonly signal: AbortSignal;
  /** Milliseconds left for the answer, or Infinity. */
  readonly timeout: number;
  /** The client's trace, for a server that runs the window. */
  readonly traceparent?: string | undefined;
}

/**
 * Runs windows in lanes, one window a lane at a time: in worker threads, or over HTTP.
 * @typeParam I the input for a window: its token ids, or more
 */
export interface Engine<I = ArrayLike<number>> {
  /** Lanes that are free now. */
  readonly free: number;
  /** Runs a window in a free lane. @throws session-lost if the worker died: the window may run again */
  run(input: I, limits: RunLimits): Promise<Run>;
  /** Calls back after a lane was added, or with the problem if no lane is left and none can be added. */
  listen?(listener: (problem?: unknown) => void): void;
  ready(): Promise<boolean>;
  /** Ends it after the runs in progress. */
  close(): Promise<void>;
}
