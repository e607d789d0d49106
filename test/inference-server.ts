export interface InferenceServer {
  readonly url: string;
  /** Address of its metrics. */
  readonly metrics: string;
  /** host:port of gRPC. */
  readonly grpc?: string;
  stop(): Promise<void>;
}
