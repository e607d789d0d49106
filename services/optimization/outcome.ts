import type { Target } from "./candidates.js";
import type { LoadedCheckpoint } from "./checkpoint.js";
import type { GateRows } from "./rows.js";
import type { SearchResult } from "./search.js";

/** The inputs and the result of a search, for the version and its reports. */
export interface Outcome {
  readonly target: Target;
  readonly model: LoadedCheckpoint;
  /** sha256 of the checkpoint. */
  readonly checkpoint: string;
  readonly rows: GateRows;
  /** Texts by whose scores a server checks that it scores correctly. */
  readonly references: readonly string[];
  readonly found: SearchResult;
}
