import { fail } from "../errors/errors.js";

/** Shared memory of a barrier: arrivals, and how often it opened. */
export function createBarrier(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Blocks the thread until `parties` threads wait. @throws worker-silent when the others do not come in time */
export function waitAtBarrier(barrier: Int32Array, parties: number, milliseconds: number): void {
  const opened = Atomics.load(barrier, 1);
  if (Atomics.add(barrier, 0, 1) === parties - 1) {
    Atomics.store(barrier, 0, 0);
    Atomics.add(barrier, 1, 1);
    Atomics.notify(barrier, 1);
    return;
  }
  // Again after each waking: the call above may come late, when this thread already waits for the next opening.
  const deadline = performance.now() + milliseconds;
  while (Atomics.load(barrier, 1) === opened) {
    if (Atomics.wait(barrier, 1, opened, deadline - performance.now()) === "timed-out")
      fail("worker-silent", { seconds: milliseconds / 1000 });
  }
}
