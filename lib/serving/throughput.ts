/** The number of departures to measure over: the newest, once there are enough. */
const counted = { least: 64, most: 128 } as const;

/**
 * Measures the time between departures while the queue is never empty. The duration of one window would mislead: while many requests
 * arrive at once, most of it is the work of receiving them.
 * @param now the time in milliseconds
 */
export function measureThroughput(now: () => number) {
  let times: number[] = [];
  let secondsEach = 0;
  return {
    /** Mean seconds between two departures; 0 until there are enough. */
    secondsEach: () => secondsEach,
    /** Records that a window has left its lane, and whether no other one was waiting for the lane. */
    depart(queueIsEmpty: boolean): void {
      times = queueIsEmpty ? [] : [...times.slice(1 - counted.most), now()];
      if (times.length >= counted.least) secondsEach = (times.at(-1)! - times[0]!) / (times.length - 1) / 1000;
    },
  };
}
