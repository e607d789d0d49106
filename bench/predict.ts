import { Pool } from "undici";
import type { Send } from "./pace.js";

/** Milliseconds until an answer that does not come counts as lost; behind slow servers and long lines they take a minute. */
const longest = 120_000;

/** A client of POST /predict with as many connections as it takes; `send` throws where the answer is not 200 with a score. */
export function connectPredict(address: string): { readonly send: Send; close(): Promise<void> } {
  const pool = new Pool(address, { headersTimeout: longest, bodyTimeout: longest });
  const headers = { "content-type": "application/json" };
  return {
    async send(text) {
      const { statusCode, body } = await pool.request({ method: "POST", path: "/predict", headers, body: JSON.stringify({ text }) });
      const answer = await body.text();
      if (statusCode !== 200) throw new Error(`${address} answered ${statusCode}: ${answer.slice(0, 200)}`);
      const [echo, score] = JSON.parse(answer) as [string, number];
      if (echo !== text || !Number.isFinite(score)) throw new Error(`${address} answered another text, or no score`);
      return score;
    },
    close: () => pool.close(),
  };
}
