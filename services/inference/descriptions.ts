import type { FastifyInstance, FastifyReply } from "fastify";
import { describeModel } from "../../lib/protocol/model-metadata.js";
import { producer } from "../../lib/system/producer.js";
import type { Models } from "./models.js";
import { addModelRoute, addRoute } from "./routes.js";
import type { Served } from "./served.js";

/** Adds the routes that describe the models, their readiness and their statistics. */
export function addDescriptions(app: FastifyInstance, models: Models, stopping?: AbortSignal): void {
  addRoute(app, "GET", "/v2", () => ({
    ...producer,
    extensions: [
      "binary_tensor_data",
      "model_configuration",
      "model_repository",
      "model_repository(unload_dependents)",
      "parameters",
      "schedule_policy",
      "statistics",
    ],
  }));
  addRoute(app, "GET", "/v2/health/live", (_request, reply) => reply.send());
  addRoute(app, "GET", "/v2/health/ready", async (_request, reply) => {
    const ready = await Promise.all(models.served().map(({ engine }) => engine.ready()));
    const isReady = !stopping?.aborted && (ready.length > 0 || models.mayBeEmpty) && ready.every(Boolean);
    return reply.code(isReady ? 200 : 400).send();
  });
  const notReady = (reply: FastifyReply) => reply.code(400).send({ error: "Model version not ready" });
  addModelRoute(
    app,
    models,
    "GET",
    "/ready",
    async ({ engine }, _request, reply) => ((await engine.ready()) ? reply.send() : notReady(reply)),
    notReady,
  );
  addModelRoute(app, models, "GET", "", ({ model, version, engine }) => describeModel(model, version, engine.inputs));
  addModelRoute(app, models, "GET", "/config", describeConfig);
  addModelRoute(
    app,
    models,
    "GET",
    "/stats",
    (served) => ({ model_stats: [describeUsage(served)] }),
    (reply, model, version) =>
      reply.code(400).send({ error: `requested model '${model}'${version === undefined ? "" : ` version ${version}`} is not available` }),
  );
  addRoute(app, "GET", "/v2/models/stats", () => ({ model_stats: models.served().map(describeUsage) }));
}

function describeConfig({ model, version, engine }: Served) {
  const { inputs, outputs, platform } = describeModel(model, version, engine.inputs);
  return {
    name: model,
    platform,
    backend: "onnxruntime",
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: 0,
    input: inputs.map(({ name, datatype, shape }) => ({ name, data_type: `TYPE_${datatype}`, dims: shape })),
    output: outputs.map(({ name, datatype, shape }) => ({ name, data_type: `TYPE_${datatype}`, dims: shape })),
    instance_group: [{ name: model, kind: "KIND_CPU", count: engine.workers }],
  };
}

/** Triton's statistics. Every text is one execution. */
function describeUsage({ model, version, usage, scheduler }: Served) {
  const { queueSeconds, computeSeconds } = scheduler.stats;
  const failed = Object.values(usage.failures).reduce((sum, count) => sum + count, 0);
  const duration = (count: number, seconds: number) => ({ count, ns: Math.round(seconds * 1e9) });
  const steps = (count: number) => ({
    compute_input: duration(count, 0),
    compute_infer: duration(count, computeSeconds),
    compute_output: duration(count, 0),
  });
  return {
    name: model,
    version: String(version),
    last_inference: usage.lastInference,
    inference_count: usage.texts,
    execution_count: usage.texts,
    inference_stats: {
      success: duration(usage.success, usage.successSeconds),
      fail: duration(failed, usage.failureSeconds),
      queue: duration(usage.success, queueSeconds),
      ...steps(usage.success),
      cache_hit: duration(0, 0),
      cache_miss: duration(0, 0),
    },
    batch_stats: usage.texts === 0 ? [] : [{ batch_size: 1, ...steps(usage.texts) }],
  };
}
