import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  /** @param shown further values to show, such as `{ loss: "0.31" }` */
  update(done: number, shown?: Readonly<Record<string, string>>): void;
  stop(): void;
}

const secondsBetweenLines = 10;

/**
 * Shows the progress of long work on standard error: a bar on a terminal, else a line every ten seconds, with rate and time left.
 * @param before units that an earlier process completed; the rate excludes them
 */
export function showProgress(
  label: string,
  total: number,
  unit: string,
  before = 0,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  const began = Date.now();
  const rate = (done: number) => (done - before) / Math.max(1e-3, (Date.now() - began) / 1000);
  const describe = (done: number, shown: Readonly<Record<string, string>>) =>
    [
      `${rate(done).toPrecision(3)} ${unit}/s`,
      `ETA ${formatSeconds((total - done) / Math.max(1e-9, rate(done)))}`,
      ...Object.entries(shown).map(([name, value]) => `${name} ${value}`),
    ].join(", ");
  if (stream.isTTY) {
    const bar = new SingleBar(
      { stream, format: `${label} {bar} {value}/{total} {text}`, hideCursor: true, clearOnComplete: false },
      Presets.shades_classic,
    );
    bar.start(total, before, { text: "" });
    return { update: (done, shown = {}) => bar.update(done, { text: describe(done, shown) }), stop: () => bar.stop() };
  }
  let lastLine = began;
  return {
    update(done, shown = {}) {
      if (done < total && Date.now() - lastLine < secondsBetweenLines * 1000) return;
      lastLine = Date.now();
      stream.write(`${label} ${done}/${total} (${Math.floor((100 * done) / Math.max(1, total))} %), ${describe(done, shown)}\n`);
    },
    stop() {},
  };
}

/** 75 -> "1:15"; 3700 -> "1:01:40" */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return (parts[0] === 0 ? parts.slice(1) : parts).map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}
