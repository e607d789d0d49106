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

/** Deals a batch by length, back and forth, so that every worker gets about as many tokens. */
export function dealRows(batch: readonly Row[], workers: number): readonly Share[] {
  const order = batch.map((_, i) => i).sort((a, b) => batch[b]!.ids.length - batch[a]!.ids.length || a - b);
  return Array.from({ length: workers }, (_, worker) => {
    const places = order.filter((_, i) => (Math.floor(i / workers) % 2 === 0 ? i % workers : workers - 1 - (i % workers)) === worker);
    return { places, rows: places.map((place) => batch[place]!) };
  });
}
