import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import { fail, failure } from "../../lib/errors/errors.js";
import { formatFloat32 } from "../../lib/math/float32.js";
import type { Model } from "../../lib/serving/model.js";
import type { Scheduler } from "../../lib/serving/scheduler.js";
import { windowsAtOnce } from "../../lib/serving/score-text.js";
import { isBlank } from "../../lib/text/blank.js";
import { combineScores, splitWindows, type TextScore, type Windows } from "../../lib/text/windows.js";
import { type Cache, createCache } from "./cache.js";
import type { Metrics } from "./metrics.js";
import { sendJson } from "./reply.js";
import type { ModelSource } from "./source.js";

export interface PredictOptions {
  readonly source: Pick<ModelSource, "current" | "use" | "ready">;
  readonly scheduler: Scheduler;
  /** Texts whose scores are remembered; 0 for none. */
  readonly cacheSize: number;
  /** Milliseconds a request may take. */
  readonly timeout: number;
}

/** POST /predict: `{"text": "..."}` is answered by `["...",score]`, the text unchanged. */
export function addPredict(app: FastifyInstance, { source, scheduler, cacheSize, timeout }: PredictOptions, metrics: Metrics): void {
  const caches = new WeakMap<Model, Cache<TextScore>>(); // a model's scores go with it

  app.post("/predict", async (request, reply) => {
    const text = readText(request.body);
    const known = cacheOf(source.current).get(text);
    metrics[known ? "cacheHits" : "cacheMisses"].inc();
    const { score } =
      known ??
      (await scheduler.accept({ signal: abortWithClient(reply), timeout }, (run) =>
        // Tokens and scores of a text are of one version.
        source.use(async (model) => {
          const windows = tokenize(model, text);
          const { logits, timings } = await run(model.engine, windows.ids, windowsAtOnce);
          for (const { queueSeconds, computeSeconds } of timings) {
            metrics.queueSeconds.observe(queueSeconds);
            metrics.inferenceSeconds.observe(computeSeconds);
          }
          const result = combineScores(windows, logits);
          if (!Number.isFinite(result.score)) fail("bad-score", { score: result.score });
          cacheOf(model).set(text, result);
          return result;
        }),
      ));
    return sendJson(reply, `[${JSON.stringify(text)},${formatFloat32(score)}]`);
  });

  function cacheOf(model: Model): Cache<TextScore> {
    const cache = caches.get(model) ?? createCache<TextScore>(cacheSize);
    caches.set(model, cache);
    return cache;
  }

  function tokenize({ tokenizer, maxLength }: Model, text: string): Windows {
    const began = performance.now();
    const windows = splitWindows(tokenizer, text, maxLength);
    metrics.tokenizeSeconds.observe((performance.now() - began) / 1000);
    return windows;
  }
}

const schema = z.object({ text: z.string() });

/** Reads the text; other fields are ignored. @throws no-text, empty-text */
function readText(body: unknown): string {
  const { data, error } = schema.safeParse(body, { reportInput: true });
  if (error) {
    const { path, input } = error.issues[0]!;
    return fail("no-text", { found: describe(input) + (path.length > 0 ? " as text" : "") });
  }
  return isBlank(data.text) ? fail("empty-text", {}) : data.text;
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function abortWithClient(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableEnded) controller.abort(failure("cancelled", {}));
  });
  return controller.signal;
}
