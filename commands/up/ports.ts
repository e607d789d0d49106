import { createServer } from "node:net";
import { fail } from "../../lib/errors/errors.js";

/** @throws port-taken if a port is in use */
export async function checkPorts(
  ports: readonly { readonly port: number; readonly service: string; readonly flag: string }[],
): Promise<void> {
  for (const needed of ports) if (!(await isFree(needed.port))) fail("port-taken", needed);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
