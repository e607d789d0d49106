import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { writeFileAtomic } from "../../lib/storage/files.js";

/** What a search measured, to choose the same again without measuring. */
export interface Cache {
  /** Whether it knew anything when it was opened. */
  readonly known: boolean;
  /** What was measured under this name before, else what `measure` gives, which is then kept. */
  recall(name: string, measure: () => Promise<readonly (readonly number[])[]>): Promise<readonly (readonly number[])[]>;
}

const schema = z.object({ key: z.string(), measured: z.record(z.string(), z.array(z.array(z.number()))) });

/**
 * The cache in a file, of one search; of another, or damaged, it counts as empty.
 * @param key everything that what is measured depends on
 * @param fresh whether to measure again
 */
export function openCache(file: string, key: string, fresh: boolean): Cache {
  const stored = fresh || !existsSync(file) ? undefined : readStored(file);
  const measured = stored?.key === key ? stored.measured : {};
  return {
    known: Object.keys(measured).length > 0,
    async recall(name, measure) {
      const known = measured[name];
      if (known) return known;
      const rows = (await measure()).map((row) => [...row]);
      measured[name] = rows;
      writeFileAtomic(file, `${JSON.stringify({ key, measured } satisfies z.infer<typeof schema>)}\n`);
      return rows;
    },
  };
}

function readStored(file: string): z.infer<typeof schema> | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}
