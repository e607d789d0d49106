import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { compiled } from "../system/package-files.js";
import type { Options } from "./options.js";

/** The option table of a service or command, loaded when it is asked for: no command imports a service. Empty if it has none. */
export async function loadOptions(folder: "services" | "commands", name: string): Promise<Options> {
  const file = compiled(`${folder}/${name}/options`);
  if (!existsSync(file)) return {};
  const { options } = (await import(pathToFileURL(file).href)) as { options: Options };
  return options;
}
