/**
 * Repeats `work`, each time `seconds` after it has finished.
 * @returns a function that stops this, and resolves when the work in progress is done
 */
export function poll(seconds: number, work: () => Promise<void>): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;
  let ended = false;
  const wait = () => {
    if (!ended) timer = setTimeout(() => (working = work().then(wait)), 1000 * seconds);
  };
  wait();
  return async () => {
    ended = true;
    clearTimeout(timer);
    await working;
  };
}
