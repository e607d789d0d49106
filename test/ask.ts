import { type IncomingHttpHeaders, request } from "node:http";
import { buffer } from "node:stream/consumers";

/** An HTTP request, sent unchanged. */
export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends a request with Node's own client, which adds nothing. A body that expects 100-continue waits for it. */
export function ask(url: string, { method, path, headers = {}, body = "" }: Ask): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const length = "transfer-encoding" in headers ? {} : { "content-length": Buffer.byteLength(body) };
    const sent = request(url + path, { method, headers: { ...headers, ...length }, agent: false }, async (response) => {
      resolve({ status: response.statusCode!, headers: response.headers, body: await buffer(response) });
    });
    sent.on("error", reject);
    if (headers.expect) sent.on("continue", () => sent.end(body)).flushHeaders();
    else sent.end(body);
  });
}
