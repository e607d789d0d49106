import { basename, dirname } from "node:path";
import { ReadabilityError, reason } from "../errors/errors.js";
import { readVersion } from "../repository/repository.js";
import { endWithParent } from "../system/child.js";
import type { CheckAnswer } from "./check-version.js";
import { openVersion } from "./open-version.js";

// The process of `checkVersion`: opens the version whose folder is its argument, and reports what is wrong with it.
endWithParent();
const folder = process.argv[2]!;
const model = dirname(folder);
try {
  const engine = await openVersion(readVersion(dirname(model), basename(model), Number(basename(folder))), { workers: 1 });
  await engine.close();
  answer({ isGood: true });
} catch (error) {
  answer({ isGood: false, ...(error instanceof ReadabilityError ? { code: error.code } : {}), message: reason(error) });
}

function answer(value: CheckAnswer): void {
  process.send!(value, () => process.exit(0));
}
