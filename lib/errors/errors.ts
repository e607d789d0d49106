/** What a row of the table says of an error: HTTP status, exit code of a command, and the sentence people read. */
interface ErrorRow<D> {
  readonly status: number;
  readonly exit: 1 | 2;
  readonly text: (details: D) => string;
}

const row = <D>(status: number, exit: 1 | 2, text: (details: D) => string): ErrorRow<D> => ({ status, exit, text });

/** Every error of the product: what was wrong, what was expected, what to do. */
export const errors = {
  usage: row(400, 2, ({ problem, help }: { problem: string; help: string }) => `${problem}. Try: ${help}`),
  "no-file": row(
    404,
    1,
    ({ file, what, remedy }: { file: string; what: string; remedy: string }) => `${file} not found: expected ${what}. ${remedy}`,
  ),
  "file-failed": row(
    500,
    1,
    ({ file, action, cause }: { file: string; action: string; cause: string }) => `Cannot ${action} ${file}: ${cause}`,
  ),
  "disk-full": row(
    507,
    1,
    ({ file }: { file: string }) =>
      `There is no room left to write ${file}. Free some, or name another place; what was there before stands.`,
  ),
  "not-writable": row(
    500,
    1,
    ({ file, cause }: { file: string; cause: string }) =>
      `${file} cannot be written: ${cause}. Let this user write there, or name another place; what was there before stands.`,
  ),
  "in-use": row(
    409,
    1,
    ({ folder }: { folder: string }) =>
      `Another process of readability is writing into ${folder}. Wait until it has ended, or name another place with --out.`,
  ),
  "bad-metadata": row(
    500,
    1,
    ({ file, problem, remedy }: { file: string; problem: string; remedy: string }) => `${file} does not fit: ${problem}. ${remedy}`,
  ),
  "bad-shape": row(
    500,
    1,
    ({ op, expected, got }: { op: string; expected: string; got: string }) => `${op} expects ${expected}; it got ${got}.`,
  ),
  "bad-safetensors": row(
    400,
    1,
    ({ file, problem }: { file: string; problem: string }) =>
      `${file} is no whole safetensors file: ${problem}. Place or download the file again.`,
  ),
  "bad-tensor": row(
    400,
    1,
    ({ file, tensor, problem }: { file: string; tensor: string; problem: string }) =>
      `${file}, tensor ${JSON.stringify(tensor)}: ${problem}. The file is damaged or was made for another model: place the right one.`,
  ),
  "no-tokenizer": row(
    404,
    1,
    ({ folder }: { folder: string }) =>
      `${folder} holds no tokenizer.json: expected the tokenizer of a Hugging Face checkpoint. Place tokenizer.json (and tokenizer_config.json) there; AutoTokenizer.from_pretrained(...).save_pretrained(DIR) writes both.`,
  ),
  "bad-tokenizer": row(
    400,
    1,
    ({ file, problem }: { file: string; problem: string }) =>
      `${file} cannot be used: ${problem}. Place the tokenizer.json and tokenizer_config.json of a BERT-family checkpoint.`,
  ),
  "short-window": row(
    400,
    2,
    ({ maxLength, specials }: { maxLength: number; specials: number }) =>
      `A max_length of ${maxLength} leaves no room for text beside ${specials} special tokens: use a whole number of at least ${specials + 1}.`,
  ),
  "not-csv": row(
    400,
    1,
    ({ file, problem }: { file: string; problem: string }) =>
      `${file} cannot be read as passages: ${problem}. Expected a UTF-8 csv, or a zip that holds exactly one, with columns excerpt and target.`,
  ),
  "csv-too-large": row(
    413,
    1,
    ({ file, bytes, limit }: { file: string; bytes: number | string; limit: number }) =>
      `${file} holds a csv of ${bytes} bytes; at most ${limit} are read. Split it, or leave out columns that are not needed.`,
  ),
  "no-column": row(
    400,
    1,
    ({ file, column, found, remedy }: { file: string; column: string; found: string; remedy: string }) =>
      `${file} has no column ${JSON.stringify(column)}; it has ${found}. ${remedy}`,
  ),
  "no-rows": row(
    400,
    1,
    ({ file }: { file: string }) => `${file} holds no passages: expected a header and at least one row. Place the csv with its rows.`,
  ),
  "bad-cell": row(
    400,
    1,
    ({ file, row, column, problem, remedy }: { file: string; row: number; column: string; problem: string; remedy: string }) =>
      `${file}, row ${row}, column ${JSON.stringify(column)}: ${problem}. ${remedy}`,
  ),
  "no-checkpoint": row(
    404,
    1,
    ({ folder, missing }: { folder: string; missing: string }) =>
      `${folder} is no checkpoint: ${missing} missing. Place config.json, model.safetensors, tokenizer.json and tokenizer_config.json of a BERT-family model there, or name another folder or hub model with --base.`,
  ),
  "no-base": row(
    404,
    1,
    ({ base }: { base: string }) =>
      `${base} is neither a folder nor a hub name such as sentence-transformers/all-MiniLM-L6-v2. Name one with --base.`,
  ),
  "hub-unreachable": row(
    502,
    1,
    ({ name, endpoint, cause, cache }: { name: string; endpoint: string; cause: string; cache: string }) =>
      `Cannot download ${name} from ${endpoint}: ${cause}. It is not in ${cache} either. Place its config.json, model.safetensors, tokenizer.json and tokenizer_config.json in a folder DIR and name it with --base DIR.`,
  ),
  "hub-refused": row(
    401,
    1,
    ({ name, endpoint, status, remedy }: { name: string; endpoint: string; status: number; remedy: string }) =>
      `${endpoint} refuses ${name} (HTTP ${status}). ${remedy} Or place its files in a folder DIR and name it with --base DIR.`,
  ),
  "hub-unsuitable": row(
    400,
    1,
    ({ name, missing, found }: { name: string; missing: string; found: string }) =>
      `${name} has no ${missing} on the hub; it has ${found}. Use a model that has it, or convert this one with transformers' save_pretrained(DIR) and name the folder with --base DIR.`,
  ),
  "hub-damaged": row(
    502,
    1,
    ({ name, file, problem }: { name: string; file: string; problem: string }) =>
      `${file} of ${name} arrived damaged: ${problem}. It was discarded: run the command again, or place the files in a folder DIR and name it with --base DIR.`,
  ),
  "bad-json": row(400, 2, ({ problem }: { problem: string }) => `The body is no JSON: ${problem}. Send {"text": "..."} as UTF-8.`),
  "no-text": row(400, 2, ({ found }: { found: string }) => `The body has no text: expected {"text": "..."}, found ${found}.`),
  "no-model": row(
    404,
    1,
    ({ where }: { where: string }) =>
      `${where} holds no model: expected a model repository, or a checkpoint with config.json and model.safetensors. Make one with: readability train, then readability optimization.`,
  ),
  "empty-text": row(422, 1, (_: object) => "The text is empty or blank. Send at least one word."),
  "not-json": row(
    415,
    2,
    ({ type }: { type: string }) => `The content type is ${type}; expected application/json. Send {"text": "..."} with that header.`,
  ),
  "too-large": row(
    413,
    2,
    ({ limit }: { limit: number }) => `The body is larger than ${limit} bytes. Send shorter texts, or raise --body-limit of the api.`,
  ),
  "no-route": row(
    404,
    2,
    ({ method, path }: { method: string; path: string }) => `There is no ${method} ${path}. See the README for the routes.`,
  ),
  "wrong-method": row(
    405,
    2,
    ({ method, path, allowed }: { method: string; path: string; allowed: string }) => `${path} takes no ${method}: use ${allowed}.`,
  ),
  overloaded: row(
    503,
    1,
    ({ waiting, retryAfter }: { waiting: number; retryAfter: number }) =>
      `${waiting} texts wait already. Try again in ${retryAfter} s, or add processors.`,
  ),
  "timed-out": row(
    504,
    1,
    ({ milliseconds }: { milliseconds: number }) => `No score within ${milliseconds} ms. Try again later, or send a shorter text.`,
  ),
  cancelled: row(499, 1, (_: object) => "The client went away before its text was scored. Wait longer for the answer."),
  "not-ready": row(503, 1, ({ what }: { what: string }) => `${what} is not ready. Try again in some seconds.`),
  "bad-score": row(
    500,
    1,
    ({ score }: { score: number }) => `The model answered ${score}, which is no score. Make it anew: readability optimization.`,
  ),
  internal: row(500, 1, ({ id }: { id: string }) => `Something failed inside. Please report it with the log lines of request ${id}.`),
  "cannot-listen": row(
    500,
    1,
    ({ address, cause }: { address: string; cause: string }) =>
      `Cannot listen on ${address}: ${cause}. Name another with --port or --host.`,
  ),
  "no-gradient": row(
    500,
    1,
    ({ op }: { op: string }) =>
      `${op} has no gradient: add its rule to lib/autodiff/gradients.ts, or keep it off the way from a parameter to the loss.`,
  ),
  "no-answer": row(
    502,
    1,
    ({ url, seconds, last, remedy }: { url: string; seconds: number; last: string; remedy: string }) =>
      `${url} did not answer within ${seconds} s (last: ${last}). ${remedy}`,
  ),
  "program-failed": row(500, 1, ({ command, cause }: { command: string; cause: string }) => `This did not go well: ${command}\n${cause}`),
  "port-taken": row(
    500,
    1,
    ({ port, service, flag }: { port: number; service: string; flag: string }) =>
      `Port ${port}, which ${service} needs, is in use. Stop the program that uses it, or choose another with ${flag}.`,
  ),
  "service-failed": row(
    500,
    1,
    ({ service, how, lines }: { service: string; how: string; lines: readonly string[] }) =>
      `${service} ${how}.${lines.length === 0 ? "" : ` Its last lines:\n${lines.map((line) => `  ${line}`).join("\n")}`}`,
  ),
  "service-usage": row(
    400,
    2,
    ({ service, lines }: { service: string; lines: readonly string[] }) =>
      `${service} does not take its options: ${lines.join(" ") || "it does not say why"}`,
  ),
  "bad-graph": row(
    500,
    1,
    ({ file, cause }: { file: string; cause: string }) =>
      `${file} cannot be loaded as the model's ONNX graph: ${cause}. Make the model repository again: readability optimization.`,
  ),
  "wrong-scores": row(
    500,
    1,
    ({ file, difference, tolerance }: { file: string; difference: number; tolerance: number }) =>
      `${file} scores its reference texts wrongly on this processor: off by ${difference}, at most ${tolerance} is allowed. Make the model repository again on this machine: readability optimization.`,
  ),
  "run-failed": row(
    500,
    1,
    ({ problem }: { problem: string }) =>
      `The model cannot score this input: ${problem}. Expected token ids of its vocabulary, at most as many as it has positions for.`,
  ),
  "session-lost": row(
    500,
    1,
    ({ cause }: { cause: string }) =>
      `The model's thread ended each time it scored this input, at last with: ${cause}. Other inputs are still served.`,
  ),
  "batch-too-large": row(
    400,
    1,
    ({ texts, limit }: { texts: number; limit: number }) =>
      `The request holds ${texts} texts; expected at most ${limit}. Send it in parts.`,
  ),
  "waited-too-long": row(
    503,
    1,
    ({ milliseconds }: { milliseconds: number }) =>
      `Waited ${milliseconds} ms for a free model session. Try again when there is less load, or allow a longer timeout.`,
  ),
  closed: row(503, 1, (_: Record<string, never>) => "The service is shutting down. Try again, on another instance if there is one."),
  "unknown-model": row(
    404,
    1,
    ({ model, version }: { model: string; version: string | undefined }) =>
      `Request for unknown model: '${model}'${version === undefined ? "" : ` version ${version}`} is not found. POST /v2/repository/index lists what is served.`,
  ),
  "no-explicit-control": row(
    503,
    1,
    (_: Record<string, never>) =>
      "explicit model load / unload is not allowed if polling is enabled. Start the server with --model-control-mode explicit to load models by request.",
  ),
  "unknown-repository-model": row(
    500,
    1,
    ({ model }: { model: string }) =>
      `failed to load '${model}', failed to poll from model repository. Expected there: ${model}/config.pbtxt and a version, such as ${model}/1.`,
  ),
  "load-failed": row(
    400,
    1,
    ({ model, version, reason }: { model: string; version: number; reason: string }) =>
      `load failed for model '${model}': version ${version} is at UNAVAILABLE state: ${reason}`,
  ),
  "unknown-encoding": row(
    501,
    1,
    ({ encoding }: { encoding: string }) =>
      `The content encoding ${encoding} is not supported. Send the body as it is, or by gzip or deflate.`,
  ),
  "bad-inference-request": row(
    400,
    1,
    ({ problem, expected }: { problem: string; expected: string }) => `${problem}. Expected: ${expected}.`,
  ),
  "bad-inference-response": row(
    502,
    1,
    ({ url, problem }: { url: string; problem: string }) =>
      `${url} does not answer as an Open Inference Protocol server does: ${problem}. Check the address of the inference server.`,
  ),
  "other-model": row(
    502,
    1,
    ({ url, differences }: { url: string; differences: string }) =>
      `The model at ${url} is another one: ${differences}. Start the inference server on the model repository that --repository names.`,
  ),
  "server-refused": row(
    502,
    1,
    ({ url, status, message }: { url: string; status: number; message: string }) =>
      `The inference server refused ${url} with status ${status}: ${message}. Check its log, its models and the model's name.`,
  ),
  "not-served": row(
    503,
    1,
    ({ url, message }: { url: string; message: string }) =>
      `The inference server does not serve ${url}: ${message}. Give it the same model repository, and try again once it has loaded the newest version.`,
  ),
  "server-busy": row(
    503,
    1,
    ({ message, retryAfter }: { message: string; retryAfter: number }) =>
      `The inference server is busy: ${message}. Try again in ${retryAfter} s, or add servers.`,
  ),
  "server-unreachable": row(
    503,
    1,
    ({ url, cause }: { url: string; cause: string }) =>
      `No inference server answers at ${url}: ${cause}. Start one with: readability inference, or name the right address.`,
  ),
  "bad-config": row(
    400,
    1,
    ({ file, problem, remedy }: { file: string; problem: string; remedy: string }) => `${file} does not fit: ${problem}. ${remedy}`,
  ),
  "no-tensor": row(
    400,
    1,
    ({ file, tensor, shape, found }: { file: string; tensor: string; shape: string; found: number }) =>
      `${file} lacks the tensor ${tensor} [${shape}] (it holds ${found} others). Use a complete checkpoint, or one whose config.json fits its weights.`,
  ),
  "no-scores": row(
    400,
    1,
    ({ folder }: { folder: string }) =>
      `${folder} gives scores that are no numbers: its weights are damaged, or its training diverged. Train it again, or name another checkpoint with --model.`,
  ),
  "gate-failed": row(
    500,
    1,
    ({ precision, rmse, bound }: { precision: string; rmse: number; bound: number }) =>
      `${precision} fails the accuracy gate: a root mean squared error of ${rmse.toFixed(4)}, at most ${bound.toFixed(4)} passes. Serve fp32 with --precision auto, or allow more with --gate.`,
  ),
  "too-large-values": row(
    500,
    1,
    ({ peak, limit }: { peak: number; limit: number }) =>
      `The model computes values as large as ${peak.toFixed(0)}; in float16 at most ${limit} are allowed, as they end at 65504. Serve fp32 with --precision auto.`,
  ),
  "replica-died": row(
    500,
    1,
    ({ index, cause }: { index: number; cause: string }) =>
      `Training worker ${index} stopped: ${cause}. Go on from the last saved state with --resume; with too little memory, use fewer --workers.`,
  ),
  "replica-silent": row(
    500,
    1,
    ({ seconds }: { seconds: number }) =>
      `A training worker was waited for in vain for ${seconds} s. Go on from the last saved state with --resume.`,
  ),
  "bad-record": row(
    400,
    1,
    ({ file, problem }: { file: string; problem: string }) =>
      `${file} does not fit: ${problem}. Train the model again, or remove the file to go on without it.`,
  ),
  "other-run": row(
    400,
    1,
    ({ file, differences }: { file: string; differences: string }) =>
      `${file} was saved by another run: ${differences}. Give the same options to go on with it, or leave out --resume to start anew.`,
  ),
  "too-long": row(
    400,
    2,
    ({ maxLength, positions, base }: { maxLength: number; positions: number; base: string }) =>
      `--max-length ${maxLength} is more than the ${positions} tokens that ${base} reads. Give at most ${positions}.`,
  ),
  "too-few-rows": row(
    400,
    1,
    ({ file, training, validation, batch }: { file: string; training: number; validation: number; batch: number }) =>
      `${file} leaves ${training} passages to train on and ${validation} to measure on; a batch takes ${batch}, and one must be held out. Add passages, or lower --batch.`,
  ),
  "bad-combination": row(
    400,
    2,
    ({ options, why, remedy }: { options: string; why: string; remedy: string }) => `${options} makes no sense: ${why}. ${remedy}`,
  ),
  "no-standard-errors": row(
    400,
    1,
    ({ file }: { file: string }) =>
      `${file} has no standard errors above 0, by which --weighting inverse-variance weighs its passages. Add the column standard_error, or leave out --weighting.`,
  ),
  "no-record": row(
    404,
    1,
    ({ folder }: { folder: string }) =>
      `${folder} holds no training.json, which tells what a checkpoint was trained on. Name checkpoints that readability train wrote.`,
  ),
  "other-architecture": row(
    400,
    1,
    ({ folder, first, differences }: { folder: string; first: string; differences: string }) =>
      `${folder} cannot be averaged with ${first}: ${differences}. Name checkpoints that were trained from the same base.`,
  ),
  "no-score": row(
    400,
    1,
    ({ file, id, key }: { file: string; id: string; key: string }) =>
      `${file} has no score for passage ${id}, which is trained on: expected its ${key} in a row. Score every passage, or name a checkpoint with --teacher.`,
  ),
  "too-few-steps": row(
    400,
    2,
    ({ maxSteps, stepsBefore }: { maxSteps: number; stepsBefore: number }) =>
      `--max-steps ${maxSteps} is not after step ${stepsBefore}, from which --resume goes on. Give more, or leave out --resume to start anew.`,
  ),
  "no-good-state": row(
    500,
    1,
    ({ out, problems }: { out: string; problems: readonly string[] }) =>
      `No saved state in ${out} can be used. ${problems.join(" ")} Bring one back from a copy, or leave out --resume to start anew.`,
  ),
  "not-finite": row(
    500,
    1,
    ({ step, loss, gradientNorm, rows, remedy }: { step: number; loss: number; gradientNorm: number; rows: string; remedy: string }) =>
      `Step ${step} has loss ${loss} and gradient norm ${gradientNorm}; its passages: ${rows}. Look at their targets. ${remedy}`,
  ),
  "diverged-before": row(
    400,
    1,
    ({ out, step, lr, saved }: { out: string; step: number; lr: number; saved: number }) =>
      `Step ${step} of the run in ${out} was not finite with --lr ${lr}, and would be again: give a lower --lr to go on after step ${saved}, or leave out --resume to start anew.`,
  ),
  "not-regular-file": row(
    400,
    1,
    ({ file, kind, what }: { file: string; kind: string; what: string }) => `${file} is ${kind}, not a regular file. Name a file: ${what}.`,
  ),
  "bad-encoding": row(
    400,
    1,
    ({ file, guess, problem }: { file: string; guess: string; problem: string }) =>
      `${file} seems to be in ${guess}, but cannot be decoded: ${problem}. Save it in UTF-8.`,
  ),
  "bad-zip": row(
    400,
    1,
    ({ file, problem }: { file: string; problem: string }) =>
      `The zip ${file} cannot be unpacked: ${problem}. Download it again, or zip the csv anew without a password.`,
  ),
  "which-csv": row(
    400,
    1,
    ({ file, problem, found }: { file: string; problem: string; found: string }) =>
      `${file} ${problem}. It holds: ${found}. Name one with --file, or zip the csv alone.`,
  ),
  "bad-row": row(
    400,
    1,
    ({ file, row, problem }: { file: string; row: number; problem: string }) =>
      `${file}, row ${row}: ${problem}. Fix the row or remove it.`,
  ),
} as const;

export type ErrorCode = keyof typeof errors;
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof errors)[C]["text"]>[0];

/** An error of the table; anything else that is thrown is a bug. */
export class ReadabilityError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly exit: 1 | 2;
  /** Seconds after which another try may succeed. */
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { readonly retryAfter?: number }) {
    super(message, options);
    this.retryAfter = options?.retryAfter;
    this.name = "ReadabilityError";
    this.code = code;
    this.status = errors[code].status;
    this.exit = errors[code].exit;
  }
}

/** The error of `code`, to throw or to reject with. */
export function failure<C extends ErrorCode>(code: C, details: ErrorDetails<C>, cause?: unknown): ReadabilityError {
  const text = errors[code].text as (details: ErrorDetails<C>) => string;
  return new ReadabilityError(code, text(details), {
    ...(cause === undefined ? {} : { cause }),
    ...("retryAfter" in details ? { retryAfter: details.retryAfter } : {}),
  });
}

/** Throws the error of `code`. */
export function fail<C extends ErrorCode>(code: C, details: ErrorDetails<C>, cause?: unknown): never {
  throw failure(code, details, cause);
}

/** The message of anything thrown. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
