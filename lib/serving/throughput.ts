/** Departures that are counted: the newest, once there are enough. */
const counted = { least: 64, most: 128 } as const;

/**
 * Measures the time between departures while the queue is never empty. What one window takes would be no measure: while many arrive at
 * once, it is mostly their arrival.
 * @param now the time in milliseconds
 */
export function measureThroughput(now: () => number) {
  let times: number[] = [];
  let secondsEach = 0;
  return {
    /** Seconds between two departures; 0 until enough are known. */
    secondsEach: () => secondsEach,
    /** Notes that a lane became free for the next in the queue, or that nothing waited for it. */
    depart(queueIsEmpty: boolean): void {
      times = queueIsEmpty ? [] : [...times.slice(1 - counted.most), now()];
      if (times.length >= counted.least) secondsEach = (times.at(-1)! - times[0]!) / (times.length - 1) / 1000;
    },
  };
}
