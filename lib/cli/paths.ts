import { findKind } from "../storage/files.js";
import { shipped } from "../system/package-files.js";

/** Default paths: relative to the current folder, or inside this package. */
export const places = {
  data: "data/input/train.csv.zip",
  unzippedData: "data/input/train.csv",
  artifacts: "artifacts",
  model: "artifacts/model",
  repository: "artifacts/repository",
  sample: shipped("data/sample/passages.csv"),
  releasedModel: shipped("models/readability-minilm"),
} as const;

/** The user's data file, if it exists. @throws not-readable if its folder may not be searched: there may be one */
export function findData(): string | undefined {
  return [places.data, places.unzippedData].find((file) => findKind(file) !== undefined);
}
