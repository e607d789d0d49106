import { readFileSync } from "node:fs";
import { shipped } from "./package-files.js";

/** Name and version of this program, written into the files it makes. */
export const producer: { readonly name: string; readonly version: string } = (() => {
  const { name, version } = JSON.parse(readFileSync(shipped("package.json"), "utf8")) as { name: string; version: string };
  return { name, version };
})();
