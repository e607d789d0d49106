/** Prints a line of a service. */
export type Print = (service: string, line: string, stream?: "stdout" | "stderr") => void;

const colours = [36, 33, 32, 35, 34, 31];

/** Prints lines after the aligned name of their service, in colour on a terminal. */
export function createPrinter(
  services: readonly string[],
  streams: Readonly<Record<"stdout" | "stderr", NodeJS.WritableStream & { isTTY?: boolean }>> = process,
  env: NodeJS.ProcessEnv = process.env,
): Print {
  const width = Math.max(...services.map((service) => service.length));
  return (service, line, stream = "stdout") => {
    const head = `${service.padEnd(width)} |`;
    const coloured = streams[stream].isTTY === true && !env.NO_COLOR;
    const colour = colours[services.indexOf(service) % colours.length];
    streams[stream].write(`${coloured ? `\u001b[${colour}m${head}\u001b[0m` : head} ${line}\n`);
  };
}
