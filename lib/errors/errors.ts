import { clientErrors } from "./client-errors.js";
import { type Details, error, fillTemplate } from "./template.js";

/** Every error of the product: exit code of a command, message (what happened, where, what to do) and HTTP status. */
// biome-ignore format: one error a line
export const errors = {
  // Command line
  usage: error(2, "{problem}. Try: {help}"),
  "bad-combination": error(2, "Cannot use {options}: {why}. {remedy}"),

  // The package's functions
  "bad-argument": error(2, "{name} must be {expected}; found {found}.", 400),
  "scorer-closed": error(1, "The scorer is closed. Load another one with loadScorer."),

  // Files
  "no-file": error(1, "{file} not found: expected {what}. {remedy}"),
  "file-failed": error(1, "Cannot {action} {file}: {cause}."),
  "disk-full": error(1, "No space left to write {file}. Free some space or choose another place; the previous file is unchanged."),
  "not-writable": error(1, "Cannot write {file}: {cause}. Grant write access or choose another place; the previous file is unchanged."),
  "not-readable": error(1, "Cannot read {file}: {cause}. Grant read access or choose another file."),
  "not-a-file": error(1, "{file} is {found}, not a regular file. Choose a file."),
  "not-a-folder": error(1, "{folder} is {found}, not a folder: expected {what}. {remedy}"),
  "file-too-large": error(1, "{file} has {bytes} bytes; the limit is {limit}. It is damaged, or another file."),
  "lfs-pointer": error(1, "{file} is a Git LFS pointer, not the file itself. Fetch the file with: git lfs pull."),
  "in-use": error(1, "Another readability process is writing to {folder}. Wait until it ends, or choose another folder with --out."),

  // Data
  "not-csv": error(1, "Cannot read {file}: {problem}. Use a CSV file, plain, gzipped or zipped."),
  "bad-encoding": error(1, "{file} seems to be {guess}, but cannot be decoded: {problem}. Save it as UTF-8."),
  "bad-document": error(1, "Cannot read {file}: {problem}. Save it again in the program that wrote it, or as plain text."),
  "no-texts": error(1, "{place} has no file to score: expected names that end in {endings}. Choose another place, or give the format of all files with --input."),
  "bad-zip": error(1, "Cannot unzip {file}: {problem}. Download it again, or zip the CSV again without a password."),
  "which-csv": error(1, "{file} {problem}; found {found}. Choose one with --file, or zip the CSV alone."),
  "csv-too-large": error(1, "The CSV in {file} has {bytes} bytes; the limit is {limit}. Split it, or remove columns that are not needed."),
  "no-column": error(1, '{file} has no column "{column}"; found {found}. {remedy}'),
  "no-rows": error(1, "{file} has no passages: expected a header and at least one row."),
  "bad-row": error(1, "{file}, row {row}: {problem}. Fix or remove the row."),
  "bad-cell": error(1, '{file}, row {row}, column "{column}": {problem}. {remedy}'),
  "no-standard-errors": error(1, "{file} has no standard errors above 0, which --weighting inverse-variance needs. Add the column standard_error, or leave out --weighting."),

  // Checkpoints and the hub
  "no-checkpoint": error(1, "{folder} is not a checkpoint: {missing} missing. Add config.json, model.safetensors, tokenizer.json and tokenizer_config.json of a BERT-family model, or choose another folder or hub model with --base."),
  "no-base": error(1, "{base} is neither a folder nor a hub name with its owner, such as sentence-transformers/all-MiniLM-L6-v2. Choose one with --base."),
  "hub-unreachable": error(1, "Cannot download {name} from {endpoint}: {cause}. It is not cached in {cache} either. Put its config.json, model.safetensors, tokenizer.json and tokenizer_config.json in a folder DIR and choose it with --base DIR."),
  "hub-refused": error(1, "{endpoint} refused {name} (HTTP {status}). {remedy} Or put its files in a folder DIR and choose it with --base DIR."),
  "hub-unsuitable": error(1, "{name} has no {missing} on the hub; found {found}. Choose a model that has it, or convert this one with transformers' save_pretrained(DIR) and choose it with --base DIR."),
  "hub-damaged": error(1, "{file} of {name} was damaged in transit: {problem}. It was deleted. Run the command again, or put the files in a folder DIR and choose it with --base DIR."),
  "bad-config": error(1, "{file} is invalid: {problem}. {remedy}"),
  "bad-safetensors": error(1, "{file} is not a valid safetensors file: {problem}. Copy or download it again."),
  "bad-tensor": error(1, '{file}, tensor "{tensor}": {problem}. The file is damaged or belongs to another model. Replace it.'),
  "no-tensor": error(1, "{file} has no tensor {tensor} [{shape}] (tensors found: {found}). Use a complete checkpoint whose config.json matches its weights."),
  "no-tokenizer": error(1, "{folder} has no tokenizer.json. Add tokenizer.json and tokenizer_config.json; AutoTokenizer.from_pretrained(...).save_pretrained(DIR) writes both."),
  "bad-tokenizer": error(1, "Cannot use {file}: {problem}. Use the tokenizer.json and tokenizer_config.json of a BERT-family checkpoint."),
  "short-window": error(2, "max_length must be a whole number above {specials}, the number of special tokens; found {maxLength}."),
  "bad-record": error(1, "{file} is invalid: {problem}. Train the model again, or delete the file to continue without it."),
  "no-record": error(1, "{folder} has no training.json, the record of how a checkpoint was trained. Use checkpoints that readability train wrote."),

  // Graphs
  "bad-shape": error(1, "{op} expects {expected}; got {got}."),
  "no-gradient": error(1, "{op} has no gradient. Add its rule to lib/autodiff/gradients.ts, or keep it off the path from a parameter to the loss."),

  // Training
  "too-long": error(2, "--max-length {maxLength} exceeds the {positions} tokens that {base} reads. Use at most {positions}."),
  "no-layer": error(2, "{folder} has no layer {layer}; its layers are 0 to {last}. Choose among them with --init-layers, or lower --reinit."),
  "too-few-rows": error(1, "{file} has too few passages: {training} for training, where a batch takes {batch}, and {validation} for validation, where at least 1 is needed. Add passages, or lower --batch."),
  "too-many-folds": error(2, "--folds {folds} is more than the number of different passages in {file}, which is {passages}. Use fewer folds, or add passages."),
  "same-targets": error(1, "{file}: the targets of all {passages} training passages are {target}, so there is nothing to learn. Check the column, or choose another with --target."),
  "not-jsonl": error(1, '{file}, line {line}: {problem}. Each line must be a JSON object with a field "text". Fix or remove the line.'),
  "no-score": error(1, "{file} has no score for the training passage {id}: expected a row with its {key}. Score every passage, or choose a checkpoint with --teacher."),
  "other-architecture": error(1, "{folder} cannot be averaged with {first}: {differences}. Use checkpoints that were trained from the same base."),
  "worker-died": error(1, "Training worker {index} stopped: {cause}. Continue from the last saved state with --resume. If memory ran out, use fewer --workers."),
  "worker-silent": error(1, "A training worker did not respond within {seconds} s. Continue from the last saved state with --resume."),
  "not-finite": error(1, "Training stopped at step {step}: its loss is {loss} and its gradient norm {gradientNorm}. Check the targets of its passages: {rows}. {remedy}"),
  "diverged-before": error(1, "Step {step} of the run in {out} diverged with --lr {lr} and would diverge again. Lower --lr to continue after step {saved}, or leave out --resume to start over."),
  "other-run": error(1, "{file} was saved by a different run: {differences}. {remedy}"),
  "too-few-steps": error(2, "--max-steps {maxSteps} is below step {stepsBefore}, where --resume continues. Raise it, or leave out --resume to start over."),
  "no-usable-state": error(1, "No saved state in {out} can be used. {problems} Restore one from a backup, or leave out --resume to start over."),

  // Optimization
  "no-scores": error(1, "{folder} produces scores that are not numbers: its weights are damaged, or its training diverged. Train it again, or choose another checkpoint with --model."),
  "gate-failed": error(1, "{precision} fails the accuracy gate: its RMSE is {rmse}, the limit {bound}. Use --precision auto, which falls back to fp32, or raise --gate."),
  "values-too-large": error(1, "The model computes values up to {peak}, too close to float16's limit of 65504; at most {limit} is safe. Use --precision auto, which falls back to fp32."),

  // Models to serve
  "no-model": error(1, "No model in {where}: expected a model repository, or a checkpoint with config.json and model.safetensors. Make one with: readability train, then readability optimization."),
  "bad-metadata": error(1, "{file} is invalid: {problem}. {remedy}"),
  "bad-graph": error(1, "Cannot load {file} as an ONNX graph: {cause}. Rebuild the model repository with: readability optimization."),
  "version-crashed": error(1, "The check of {folder} {how}: its files are damaged, or this machine lacks memory. Rebuild the model repository with: readability optimization."),
  "wrong-scores": error(1, "{file} scores its reference texts incorrectly on this processor: off by {difference}, where {tolerance} is allowed. Rebuild the model repository on this machine with: readability optimization."),
  "bad-score": error(1, "The model returned {score} instead of a finite number. It is damaged and must be rebuilt."),
  "run-failed": error(1, "The model cannot score this input: {problem}. Expected token ids of its vocabulary, at most as many as it has positions."),
  "session-lost": error(1, "The model's worker thread died each time it scored this input, the last time with: {cause}. Other inputs are still served."),

  "bad-keys": error(1, "{file}, line {line}: {problem}. Each line must be the SHA-256 hash of a key, in hex, and a name."),

  // Requests
  "bad-json": error(2, 'The body is not valid JSON: {problem}. Send {"text": "..."} as UTF-8.', 400),
  "no-text": error(2, 'The body has no text: expected {"text": "..."}, found {found}.', 400),
  "bad-score-request": error(2, 'The body is invalid: {problem}. Send {"text": "..."} or {"texts": ["...", "..."]}, with "formulas": true or "sentences": true if you want them.', 400),
  "bad-compare-request": error(2, 'The body is invalid: {problem}. Send {"before": "...", "after": "..."}, with "formulas": true if you want them.', 400),
  "bad-line": error(2, 'The line is invalid: {problem}. Send a JSON string, or {"text": "..."} with "id", "formulas", "sentences" or "target" if you want them, on one line.', 400),
  "line-too-long": error(2, "The line is longer than {limit} bytes. Split its text, or leave it out.", 413),
  "client-idle": error(1, "No bytes came for {seconds} s, so the answer ends here. Send the lines that are left in another request.", 408),
  "empty-text": error(1, "The text is empty or blank. Send at least one word.", 422),
  "not-json": error(2, 'The content type is {type}; expected application/json. Send {"text": "..."} with that header.', 415),
  "too-large": error(2, "The body is larger than {limit} bytes. Send a smaller request.", 413),
  "text-too-long": error(1, "The request has {tokens} tokens to score; this server scores about {limit} in {seconds} s, the longest that a request may take. Send a shorter text, or fewer texts at once. The command readability score has no such limit.", 413),
  "too-many-sentences": error(1, "The text has {found} sentences, {length} characters and {windows} windows. The effects of sentences are computed for at most {characters} characters, and for one window or at most {sentences} sentences. Send a part of the text, or leave out \"sentences\".", 422),
  "no-route": error(2, "{method} {path} does not exist. docs/api.md lists the routes.", 404),
  "bodies-too-large": error(1, "The server is reading too many large requests. Try again in {retryAfter} s.", 503),
  "bad-compression": error(2, "The body cannot be decompressed: {cause}. Compress it again, or send it uncompressed.", 400),
  "unsupported-encoding": error(2, "The content encoding {encoding} is not supported. Use gzip, deflate or br, or send the body uncompressed.", 415),
  "unsupported-charset": error(2, "The charset {charset} is not supported. Send JSON in UTF-8.", 415),
  unauthorized: error(2, "The request has no valid API key. Send one in the header Authorization: Bearer KEY.", 401),
  "rate-limited": error(1, "More than {limit} requests in a minute. Try again in {retryAfter} s.", 429),
  "wrong-method": error(2, "{path} does not support {method}. Use {allowed}.", 405),
  overloaded: error(1, "The server is overloaded ({waiting} in the queue). Try again in {retryAfter} s.", 503),
  "queue-timeout": error(1, "The model was busy for {milliseconds} ms. Try again later, or allow a longer timeout.", 503),
  "timed-out": error(1, "No score within {milliseconds} ms. Try again later, or send a shorter text.", 504),
  cancelled: error(1, "The client disconnected before its text was scored.", 499),
  closed: error(1, "The server is shutting down. Try again, or use another instance.", 503),
  "not-ready": error(1, "{what} is not ready. Try again in a few seconds.", 503),
  internal: error(1, "Internal error. Report it with the log lines of request {id}."),

  // Open Inference Protocol, with Triton's words where it has them
  "unknown-encoding": error(1, "The content encoding {encoding} is not supported. Use gzip, deflate or br, or send the body uncompressed.", 501),
  "bad-inference-request": error(1, "{problem}. Expected: {expected}.", 400),
  "batch-too-large": error(1, "The request has {texts} texts; the limit is {limit}. Split it.", 400),
  "unknown-model": error(1, "Request for unknown model: {model} is not found. POST /v2/repository/index lists what is served.", 404),
  "no-explicit-control": error(1, "explicit model load / unload is not allowed if polling is enabled", 503),
  "unknown-repository-model": error(1, "failed to load '{model}', failed to poll from model repository. Expected there: {model}/config.pbtxt and a version, such as {model}/1."),
  "load-failed": error(1, "load failed for model '{model}': version {version} is at UNAVAILABLE state: {reason}", 400),

  // A client of an inference server
  "bad-inference-response": error(1, "{url} did not answer as an Open Inference Protocol server: {problem}. Check that an inference server runs at this address.", 502),
  "other-model": error(1, "The model at {url} is a different one: {differences}. Start the inference server on the repository that --repository names.", 502),
  "server-refused": error(1, "The inference server refused {url} with status {status}: {message}. Check its log.", 502),
  "not-served": error(1, "The inference server does not serve {url}: {message}. Try again once it has loaded the newest version.", 503),
  "server-busy": error(1, "The inference server is busy. Try again in {retryAfter} s.", 503),
  "server-unreachable": error(1, "The inference server at {url} cannot be reached: {cause}. Try again later.", 503),

  ...clientErrors,

  // Servers and processes
  "cannot-listen": error(1, "Cannot listen on {address}: {cause}. Choose another port or host."),
  "port-taken": error(1, "Port {port}, which {service} needs, is in use. Stop the program that uses it, or choose another port with {flag}."),
  "no-answer": error(1, "{url} did not respond within {seconds} s ({last}). {remedy}"),
  "service-failed": error(1, "{service} {how}.{output}"),
  "service-usage": error(2, "{service} rejected its options: {output}"),
} as const;

export type ErrorCode = keyof typeof errors;

type ErrorDetails<C extends ErrorCode> = Details<(typeof errors)[C]["template"]>;

/** An error of the table. Anything else that is thrown is a bug. */
export class ReadabilityError extends Error {
  override readonly name = "ReadabilityError";
  readonly status: number;
  readonly exit: 1 | 2;

  /** @param retryAfter seconds after which another try may succeed */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly retryAfter?: number,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = errors[code].status;
    this.exit = errors[code].exit;
  }
}

/** The error of `code`, to throw or to reject with. */
export function failure<C extends ErrorCode>(code: C, details: ErrorDetails<C>, cause?: unknown): ReadabilityError {
  const values: Readonly<Record<string, string | number>> = details;
  const retryAfter = values.retryAfter === undefined ? undefined : Number(values.retryAfter);
  return new ReadabilityError(code, fillTemplate(errors[code].template, values), retryAfter, cause);
}

/** Throws the error of `code`. */
export function fail<C extends ErrorCode>(code: C, details: ErrorDetails<C>, cause?: unknown): never {
  throw failure(code, details, cause);
}

/** The message of anything thrown. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
