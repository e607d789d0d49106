import { build } from "hdr-histogram-js";

/** Times in milliseconds: count, mean, least and largest are exact, percentiles kept to three digits. */
interface Times {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  record(milliseconds: number): void;
  /** 0 if there are no times. Never outside min and max. */
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
  const none = { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0 };
  let exact = none;
  return {
    get count() {
      return exact.count;
    },
    get mean() {
      return exact.sum / Math.max(1, exact.count);
    },
    get min() {
      return exact.count === 0 ? 0 : exact.min;
    },
    get max() {
      return exact.max;
    },
    record(time) {
      const { count, sum, min, max } = exact;
      exact = { count: count + 1, sum: sum + time, min: Math.min(min, time), max: Math.max(max, time) };
      histogram.recordValue(Math.min(longest, Math.max(1, Math.round(time * 1000))));
    },
    // The histogram gives the upper end of a range of times that it does not tell apart.
    percentile: (percent) =>
      exact.count === 0 ? 0 : Math.min(exact.max, Math.max(exact.min, histogram.getValueAtPercentile(percent) / 1000)),
    reset() {
      exact = none;
      histogram.reset();
    },
  };
}
