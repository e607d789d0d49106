/** A passage as the model reads it. */
export interface Row {
  /** The passage's id, for messages. */
  readonly id: string;
  readonly ids: readonly number[];
  readonly target: number;
  /** By which its squared error counts; 1 where it is not given. */
  readonly weight?: number;
}

/** Rows of a batch with their places in it. */
export interface Share {
  readonly rows: readonly Row[];
  readonly places: readonly number[];
}

/** Token ids padded to the longest row, row-major. */
export interface Packed {
  readonly batch: number;
  readonly sequence: number;
  readonly ids: BigInt64Array;
  readonly mask: BigInt64Array;
}

export function packRows(rows: readonly Row[], padId: number): Packed {
  const sequence = Math.max(...rows.map(({ ids }) => ids.length));
  const ids = new BigInt64Array(rows.length * sequence).fill(BigInt(padId));
  const mask = new BigInt64Array(rows.length * sequence);
  rows.forEach((row, r) => {
    row.ids.forEach((id, i) => {
      ids[r * sequence + i] = BigInt(id);
    });
    mask.fill(1n, r * sequence, r * sequence + row.ids.length);
  });
  return { batch: rows.length, sequence, ids, mask };
}

/**
 * Deals a batch: in order of length it is cut into groups of at most `microBatch` rows, each run by itself and padded to its own longest.
 * Every worker gets as many groups, dealt back and forth, so that all get about as many tokens.
 */
export function dealRows(batch: readonly Row[], workers: number, microBatch: number): readonly (readonly Share[])[] {
  const order = batch.map((_, i) => i).sort((a, b) => batch[b]!.ids.length - batch[a]!.ids.length || a - b);
  const count = Math.ceil(batch.length / microBatch / workers) * workers;
  const groups = Array.from({ length: count }, (_, i) => {
    const places = order.slice(Math.round((i * batch.length) / count), Math.round(((i + 1) * batch.length) / count));
    return { places, rows: places.map((place) => batch[place]!) };
  });
  const workerOf = (i: number) => (Math.floor(i / workers) % 2 === 0 ? i % workers : workers - 1 - (i % workers));
  return Array.from({ length: workers }, (_, worker) => groups.filter(({ rows }, i) => rows.length > 0 && workerOf(i) === worker));
}
