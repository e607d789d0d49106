import type { AddressInfo } from "node:net";
import type { ModelVersion } from "../lib/repository/repository.js";
import { openVersion } from "../lib/serving/open-version.js";
import { buildApp } from "../services/inference/app.js";
import { buildMetrics } from "../services/inference/metrics.js";
import { openModels } from "../services/inference/models.js";
import { serveEngine } from "../services/inference/served.js";
import { keepLog } from "./fakes.js";
import type { InferenceServer } from "./inference-server.js";
import { startTriton } from "./triton.js";

/** The servers that can serve a repository. Triton may not be installed. */
export const servers = [
  { name: "our server", isTriton: false, skipped: false, start: startOurs },
  {
    name: "Triton",
    isTriton: true,
    skipped: process.env.TRITON_DIR === undefined,
    start: (repository: string) => startTriton(process.env.TRITON_DIR!, repository),
  },
];

/** Our server on the newest version of a repository's model, in this process. */
export async function startOurs(repository: string): Promise<InferenceServer> {
  const { log } = keepLog();
  const open = async (version: ModelVersion) =>
    serveEngine(version.model, version.version, await openVersion(version, { workers: 1 }), 1000, version.metadata);
  const models = await openModels({ repository, mode: "none", open, log });
  const app = buildApp({ models, timeout: 5000, bodyLimit: 1 << 20, log });
  const metrics = buildMetrics(models);
  const addresses = await Promise.all(
    [app, metrics].map(async (part) => {
      await part.listen({ host: "127.0.0.1", port: 0 });
      return `http://127.0.0.1:${(part.server.address() as AddressInfo).port}`;
    }),
  );
  return {
    url: addresses[0]!,
    metrics: `${addresses[1]}/metrics`,
    async stop() {
      await app.close();
      await metrics.close();
      await models.close();
    },
  };
}
