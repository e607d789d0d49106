import { failure, ReadabilityError, reason } from "./errors.js";

type Action = "read" | "write";

/** Converts an error of node:fs about a file to one of the table. Errors of the table are returned unchanged. */
export function fileFailure(error: unknown, file: string, action: Action): ReadabilityError {
  if (error instanceof ReadabilityError) return error;
  const cause = reason(error).replace(/, \w+( '.*)?$/, ""); // "EACCES: permission denied, open '/x'" without what follows the comma
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case "ENOSPC":
    case "EDQUOT":
      return failure("disk-full", { file }, error);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return failure(action === "read" ? "not-readable" : "not-writable", { file, cause }, error);
    case "EISDIR":
      return failure("not-a-file", { file, found: "a folder" }, error);
    case "EEXIST": // from mkdir, if a file is in the way
    case "ENOTDIR":
      return failure("file-failed", { file, action, cause: "a part of its path is not a folder" }, error);
    default:
      return failure("file-failed", { file, action, cause }, error);
  }
}

const reads = new Set(["access", "fstat", "lstat", "open", "opendir", "read", "readlink", "realpath", "scandir", "stat"]);
const writes = new Set(["copyfile", "fsync", "ftruncate", "link", "mkdir", "rename", "rm", "rmdir", "symlink", "unlink", "write"]);

/** Converts an error of node:fs that has a path to one of the table. Anything else is returned unchanged. */
export function explainFileError(error: unknown): unknown {
  const { path, syscall = "" } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (path === undefined || !(reads.has(syscall) || writes.has(syscall))) return error;
  return fileFailure(error, path, writes.has(syscall) ? "write" : "read");
}
