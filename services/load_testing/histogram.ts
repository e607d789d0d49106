import { build } from "hdr-histogram-js";

/** Times in milliseconds, kept to three digits. */
interface Times {
  readonly count: number;
  readonly mean: number;
  readonly max: number;
  record(milliseconds: number): void;
  /** 0 if there are no times. */
  percentile(percent: number): number;
  reset(): void;
}

/** Microseconds: an hour. */
const longest = 3.6e9;

export function createTimes(): Times {
  const histogram = build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: longest,
    numberOfSignificantValueDigits: 3,
  });
  return {
    get count() {
      return histogram.totalCount;
    },
    get mean() {
      return histogram.mean / 1000;
    },
    get max() {
      return histogram.maxValue / 1000;
    },
    record: (milliseconds) => histogram.recordValue(Math.min(longest, Math.max(1, Math.round(milliseconds * 1000)))),
    percentile: (percent) => (histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percent) / 1000),
    reset: () => histogram.reset(),
  };
}
