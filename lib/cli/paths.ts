import { existsSync } from "node:fs";
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

/** The user's data file, if it exists. */
export function findData(): string | undefined {
  return [places.data, places.unzippedData].find((file) => existsSync(file));
}
