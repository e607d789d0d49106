import { z } from "zod";
import { boundedArray } from "../../lib/errors/bounded.js";
import { formulaNames } from "../../lib/text/formulas.js";
import { warningCodes } from "../../lib/text/warnings.js";

/**
 * The bodies of requests and answers, each described once. From here come their validation, their types and the OpenAPI document.
 * docs/api.md says the same in sentences.
 */

/** Texts of one request. With sentences there are fewer: the model runs once more for each sentence. */
export const mostTexts = { plain: 100, sentences: 10 } as const;

/** What a schema describes, which nobody changes. */
export type Described<S extends z.ZodType> = Frozen<z.output<S>>;
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

const about = <T extends z.ZodType>(schema: T, description: string, ...examples: unknown[]): T =>
  schema.meta({ description, ...(examples.length > 0 ? { examples } : {}) });

const example = {
  text: "The cat sat on the mat.",
  score: 0.6591685,
  interval: { low: -0.0205, high: 1.3389, coverage: 0.9 },
  model: "readability",
  version: 1,
};

export const predictBody = about(
  z.object({ text: about(z.string(), "The text to score.", example.text) }),
  "A text. Other fields are ignored.",
  { text: example.text },
);

export const predictAnswer = about(
  z.tuple([about(z.string(), "The text, unchanged."), about(z.number(), "Its score: higher is easier.")]),
  "The text and its score.",
  [example.text, example.score],
);

const number = () => z.number().min(-1e6).max(1e6);

/** What a reader should be able to read. */
const target = z.union(
  [
    about(
      z.strictObject({ grade: about(number(), "A school grade.", 5) }),
      "The text should be no harder than texts of this school grade.",
    ),
    about(z.strictObject({ score: about(number(), "A score.", -0.5) }), "The text should be no harder than texts with this score."),
  ],
  { error: "must be an object with grade or score, one of them, a number from -1000000 to 1000000" },
);

const options = {
  formulas: about(z.boolean().default(false), "Adds what seven readability formulas say.", true),
  sentences: about(z.boolean().default(false), "Adds the effect of each sentence on the score.", true),
  target: about(target.optional(), "Adds whether the text suits a school grade or a score."),
};

export const scoreBody = z
  .strictObject({
    text: about(z.string().optional(), "One text.", example.text),
    texts: boundedArray(z.string(), 100 * mostTexts.plain)
      .refine(({ length }) => length > 0, "must have a length of at least 1")
      .optional()
      .meta({
        ...{ description: `Instead of text: a list of at most ${mostTexts.plain}, or with sentences at most ${mostTexts.sentences}.` },
        ...{ type: "array", items: { type: "string" }, minItems: 1, maxItems: mostTexts.plain, examples: [[example.text, "It slept."]] },
      }),
    ...options,
  })
  .refine(({ text, texts }) => (text === undefined) !== (texts === undefined), "must have text or texts, one of them")
  .meta({
    description: "One text or several. Other fields are refused.",
    oneOf: [{ required: ["text"] }, { required: ["texts"] }],
    examples: [{ text: example.text }, { texts: [example.text, "It slept."], formulas: true }],
  });

export const lineId = about(z.union([z.string(), z.number()]), "Comes back with the answer to the line.", "page-7");

/** A line of NDJSON as an object. */
export const lineFields = z.strictObject({ text: about(z.string(), "The text.", example.text), id: lineId.optional(), ...options });
export const lineBody = about(z.union([about(z.string(), "The text."), lineFields]), "A line of the body: a text, or an object.", {
  text: example.text,
  id: "page-7",
});

export const compareBody = about(
  z.strictObject({
    before: about(z.string(), "The earlier version of the text.", example.text),
    after: about(z.string(), "The later version.", "The cat sat there."),
    formulas: options.formulas,
  }),
  "Two versions of a text. Other fields are refused.",
  { before: example.text, after: "The cat sat there." },
);

const interval = about(
  z.object({
    low: about(z.number(), "Its lower end.", example.interval.low),
    high: about(z.number(), "Its upper end.", example.interval.high),
    coverage: about(z.number().min(0).max(1), "The probability that the value lies within.", example.interval.coverage),
  }),
  "A prediction interval.",
  example.interval,
);

const count = (description: string) => about(z.number().int().min(0), description, 1);

const sentence = z.object({
  start: about(z.number().int().min(0), "Where the sentence starts, in UTF-16 units of the text.", 0),
  end: about(z.number().int().min(0), "Where it ends.", 23),
  effect: about(z.number().nullable(), "The score without the sentence, minus the score; null for the only sentence.", 0.12),
});

const formulas = z.object(
  Object.fromEntries(formulaNames.map((name) => [name, about(z.number().nullable(), "Null if the text has no sentence.", 5.2)])) as Record<
    (typeof formulaNames)[number],
    z.ZodNullable<z.ZodNumber>
  >,
);

const suitability = z.object({
  score: about(z.number().nullable(), "The score that the target means; null for a grade that the model's tables do not tell.", -0.5),
  suits: about(
    z.enum(["yes", "no", "unsure"]).nullable(),
    "Whether the text is at least as easy as the target; null if that cannot be told.",
  ),
  difference: about(z.number().nullable(), "The text's score minus the target's: positive if the text is easier.", 1.16),
  confidence: about(z.number().min(0.5).max(1).nullable(), "The probability that yes or no is right; null if unsure.", 0.95),
});

export const result = z
  .object({
    score: about(z.number(), "Higher is easier.", example.score),
    interval: about(
      interval.nullable(),
      "Where the label lies that teachers would give; null if the model has no table.",
      example.interval,
    ),
    percentile: about(z.number().min(0).max(100).nullable(), "The share of training passages with a lower label, in percent.", 96.2),
    grade: about(
      z
        .object({
          low: about(z.number(), "The lowest of them.", 2.1),
          high: about(z.number(), "The highest.", 6.8),
          basis: about(z.string(), "Their source.", "Flesch-Kincaid grades of training passages with scores within the interval"),
        })
        .nullable(),
      "School grades of texts with scores within the interval; null if they cannot be told.",
    ),
    tokens: count("Tokens of the text."),
    windows: count("Windows in which the model read them."),
    warnings: about(
      z.array(
        z.object({
          code: about(z.enum(warningCodes), "A stable name.", "too-short"),
          message: about(z.string(), "What is wrong, and what to do.", "This is short."),
        }),
      ),
      "Reasons to doubt the score.",
    ),
    formulas: about(formulas.optional(), "What the formulas say, if formulas was set."),
    sentences: about(z.array(sentence).optional(), "The sentences, if sentences was set."),
    target: about(suitability.optional(), "Whether the text suits, if target was set."),
    model: about(z.string(), "The model that scored the text.", example.model),
    version: about(z.number().int().nullable(), "Its version.", example.version),
  })
  .meta({ id: "Result", description: "A score and what it means." });

const failed = z
  .object({
    error: about(
      z.object({
        status: about(z.number().int(), "The HTTP status that a request with this text alone would get.", 422),
        code: about(z.string(), "The error's name: /problems lists them.", "empty-text"),
        detail: about(z.string(), "What happened, and what to do.", "The text is empty or blank. Send at least one word."),
      }),
      "What is wrong with the text.",
    ),
  })
  .meta({ id: "Failure", description: "Why a text has no score." });

export const batch = z
  .object({ results: about(z.array(z.union([result, failed])), "One for each text, in order.") })
  .meta({ id: "Results", description: "The results of several texts." });

export const lineAnswer = z
  .union([result.extend({ id: lineId.optional() }), failed.extend({ id: lineId.optional() })])
  .meta({ id: "Line", description: "A line of the answer." });

export const comparison = z
  .object({
    before: result,
    after: result,
    difference: about(
      z.object({
        score: about(z.number(), "The score after, minus the score before: positive if the text became easier.", 0.21),
        interval: about(interval.nullable(), "Where the difference of the labels lies; null if the model has no table."),
      }),
      "What the change did.",
    ),
  })
  .meta({ id: "Comparison", description: "Two versions of a text." });

export const models = z
  .object({
    models: about(
      z.array(
        z.object({
          model: about(z.string(), "Its name.", example.model),
          version: about(z.number().int(), "Its version.", example.version),
          base: about(z.string(), "The checkpoint that it was trained from.", "sentence-transformers/all-MiniLM-L6-v2"),
          precision: about(z.string(), "The precision of its weights.", "int8"),
          max_length: about(z.number().int(), "Tokens of a window, special ones included.", 256),
          passages: about(z.number().int().nullable(), "Passages that it was trained on.", 2834),
          validation_rmse: about(z.number().nullable(), "Its error on held-out passages.", 0.523),
          scale: about(
            z.object({
              percentiles: about(z.array(z.number()).nullable(), "Labels below which 0, 1, ... 100 % of the training passages lie."),
              grades: about(
                z
                  .array(z.object({ score: about(z.number(), "A score.", -0.5), grade: about(z.number(), "Its school grade.", 9.2) }))
                  .nullable(),
                "School grades at rising scores; they fall.",
              ),
            }),
            "What scores mean; null for a table that it lacks.",
          ),
          tables: about(
            z.object({
              intervals: about(z.boolean(), "For interval, and what depends on it."),
              percentiles: about(z.boolean(), "For percentile."),
              grades: about(z.boolean(), "For grade, and targets that are grades."),
            }),
            "Which tables it has: without one, what depends on it is null.",
            { intervals: true, percentiles: true, grades: true },
          ),
        }),
      ),
      "The version; none for a checkpoint.",
    ),
  })
  .meta({ id: "Models", description: "The version that scores texts now; none for a checkpoint." });
