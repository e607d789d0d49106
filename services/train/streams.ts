/** Streams of random numbers of a run, besides those of the split and of a new head. */
export const streams = { order: 1, dropout: 2, windows: 3, augment: 4 } as const;
