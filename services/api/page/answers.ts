// Types only: zod, which makes them, stays out of the page.
import type { batch, comparison, Described, models, result, scoreBody } from "../schemas.js";

/** The answers of the api that the page reads. docs/api.md describes the fields. */
export type ScoreAnswer = Described<typeof result>;
export type BatchAnswer = Described<typeof batch>;
export type CompareAnswer = Described<typeof comparison>;
export type ModelsAnswer = Described<typeof models>;
export type ModelAnswer = ModelsAnswer["models"][number];

export type Interval = NonNullable<ScoreAnswer["interval"]>;
export type Suitability = NonNullable<ScoreAnswer["target"]>;
/** The labels of the training passages, and the school grades that go with them. */
export type Scale = ModelAnswer["scale"];

/** What a text's reader should be able to read: texts of a school grade, or texts with a score. */
export type Target = NonNullable<Described<typeof scoreBody>["target"]>;
