import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type ErrorCode, fail } from "../../lib/errors/errors.js";
import { type Explanation, explainError, isErrorCode } from "../../lib/errors/explain.js";
import { escapeHtml } from "../../lib/report/escape-html.js";
import { documents } from "./documents.js";
import { listDocumented } from "./problem-schemas.js";

interface Entry extends Explanation {
  readonly code: ErrorCode;
}

/** GET /problems and /problems/<code>: what the errors mean and what to do, for browsers in HTML, for others in plain text. */
export function addProblemPages(app: FastifyInstance): void {
  app.get("/problems", { schema: documents.problems }, (request, reply) => {
    const entries = listDocumented().map(describe);
    send(request, reply, entries.map(formatLine).join(""), page("Errors", `<ul>\n${entries.map(renderLine).join("\n")}\n</ul>`));
  });
  app.get<{ Params: { code: string } }>("/problems/:code", { schema: documents.problem }, (request, reply) => {
    const { code } = request.params;
    const entry = isErrorCode(code) ? describe(code) : fail("no-route", { method: request.method, path: request.url });
    send(request, reply, formatEntry(entry), page(entry.title, renderEntry(entry)));
  });
}

const describe = (code: ErrorCode): Entry => ({ code, ...explainError(code) });

function send({ headers }: FastifyRequest, reply: FastifyReply, text: string, html: string): void {
  const wantsHtml = /\btext\/html\b/i.test(headers.accept ?? "");
  const type = wantsHtml ? "text/html; charset=utf-8" : "text/plain; charset=utf-8";
  reply
    .header("vary", "accept")
    .type(type)
    .send(wantsHtml ? html : text);
}

const formatLine = ({ code, status, meaning }: Entry): string => `${status} ${code}: ${meaning}\n`;
const formatEntry = ({ code, title, status, meaning, remedy }: Entry): string =>
  `${title} (${code}, HTTP status ${status})\n\n${[meaning, remedy].filter((part) => part !== "").join("\n")}\n`;

const renderLine = ({ code, status, meaning }: Entry): string =>
  `<li><a href="/problems/${code}"><code>${code}</code></a> (${status}): ${escapeHtml(meaning)}</li>`;
const renderEntry = ({ code, status, meaning, remedy }: Entry): string => `<dl>
<dt>Code</dt><dd><code>${code}</code></dd>
<dt>HTTP status</dt><dd>${status}</dd>
<dt>What it means</dt><dd>${escapeHtml(meaning)}</dd>
${remedy === "" ? "" : `<dt>What to do</dt><dd>${escapeHtml(remedy)}</dd>\n`}</dl>
<p><a href="/problems">All errors</a></p>`;

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<h1>${escapeHtml(title)}</h1>
${body}
</html>
`;
