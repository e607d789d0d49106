export interface ScoreOptions {
  /** Gives up what still waits; a run in progress goes on and its result is dropped. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which a text that still waits is given up. */
  readonly timeout?: number;
}

/** Whatever turns the token ids of one text into its score: an engine in this process, or a client of an inference server. */
export interface Scorer {
  /** @param ids the token ids of one text with its special tokens, unpadded. Scores are float32 values. */
  score(ids: readonly number[], options?: ScoreOptions): Promise<number>;
  ready(): Promise<boolean>;
  /** Ends it once what was accepted is answered. */
  close(): Promise<void>;
}
