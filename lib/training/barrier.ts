import { fail } from "../errors/errors.js";

/** Shared memory of a barrier: the number of threads that wait, and how often it has opened. */
export function createBarrier(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Blocks the thread until `parties` threads have arrived. @throws worker-silent if they do not arrive in time */
export function waitAtBarrier(barrier: Int32Array, parties: number, milliseconds: number): void {
  const opened = Atomics.load(barrier, 1);
  if (Atomics.add(barrier, 0, 1) === parties - 1) {
    Atomics.store(barrier, 0, 0);
    Atomics.add(barrier, 1, 1);
    Atomics.notify(barrier, 1);
    return;
  }
  // A notify from the previous opening may arrive late and wake this thread, so check and wait again.
  const deadline = performance.now() + milliseconds;
  while (Atomics.load(barrier, 1) === opened) {
    if (Atomics.wait(barrier, 1, opened, deadline - performance.now()) === "timed-out")
      fail("worker-silent", { seconds: milliseconds / 1000 });
  }
}
