import type { FastifyInstance } from "fastify";
import type { ModelVersion } from "../../lib/repository/repository.js";
import type { ModelInfo } from "../../lib/serving/result-types.js";
import { documents } from "./documents.js";
import { sendJson } from "./reply.js";
import type { Described, models } from "./schemas.js";
import type { ModelSource } from "./source.js";

/** GET /v1/models: the version that scores texts now. */
export function addModels(app: FastifyInstance, source: Pick<ModelSource, "current">): void {
  app.get("/v1/models", { schema: documents.models }, (_, reply) => {
    const { version } = source.current;
    sendJson(reply, JSON.stringify({ models: version ? [describeVersion(version)] : [] } satisfies Described<typeof models>));
  });
}

function describeVersion({ model, version, metadata }: ModelVersion): ModelInfo {
  const { base, precision, max_length, data, validation_rmse, intervals, percentiles, grades } = metadata;
  return {
    model,
    version,
    base,
    precision,
    max_length,
    passages: data?.rows ?? null,
    validation_rmse: validation_rmse ?? null,
    scale: { percentiles: percentiles ?? null, grades: grades ?? null },
    tables: { intervals: intervals !== undefined, percentiles: percentiles !== undefined, grades: grades !== undefined },
  };
}
