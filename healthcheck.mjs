// The HEALTHCHECK of the image: asks the server that the container runs. A service that ends by itself is healthy while it runs.
import { readFileSync } from "node:fs";

const servers = { api: [5000, "/ready"], up: [5000, "/ready"], inference: [8000, "/v2/health/ready"] };
const words = readFileSync(process.argv[2] ?? "/proc/1/cmdline", "utf8").split("\0");
const service = words.find((word) => Object.hasOwn(servers, word));
if (service === undefined || words.includes("--only")) process.exit(0);
const [usual, path] = servers[service];
const given = /\0--port[=\0](\d+)/.exec(words.join("\0"))?.[1] ?? process.env[`READABILITY_${service.toUpperCase()}_PORT`];
const port = /^\d+$/.test(given ?? "") ? given : usual;
await fetch(`http://127.0.0.1:${port}${path}`).then(
  ({ ok }) => process.exit(ok ? 0 : 1),
  () => process.exit(1),
);
