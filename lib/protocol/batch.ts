/** Texts of one request, padded to one length: each tensor is [batch, sequence], rows one after another. */
export interface Batch {
  readonly batch: number;
  readonly sequence: number;
  readonly inputIds: BigInt64Array;
  readonly attentionMask: BigInt64Array;
  readonly tokenTypeIds: BigInt64Array;
}
