/** An HTTP request whose answer is read piece by piece as it arrives. */
import { type IncomingMessage, request } from "node:http";
import { request as requestTls } from "node:https";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text, decompressed, in the pieces it arrives in. */
  readonly body: AsyncIterable<string>;
}

export interface AskOptions {
  readonly method?: "GET" | "POST";
  readonly accept: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
}

/**
 * Sends a request. Rejects when no server answers. It accepts compression, as browsers do, so that a compressed stream
 * is found.
 */
export function ask(url: URL, { method = "GET", accept, json, headers: given, signal }: AskOptions): Promise<Answer> {
  const send = url.protocol === "https:" ? requestTls : request;
  const body = json === undefined ? undefined : JSON.stringify(json);
  const headers = {
    ...given,
    accept,
    "accept-encoding": "gzip, deflate, br",
    ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const call = send(url, { method, headers, signal }, (response) => {
      resolve({
        status: response.statusCode ?? 0,
        headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
        body: text(response),
      });
    });
    call.on("error", reject);
    call.end(body);
  });
}

async function* text(response: IncomingMessage): AsyncIterable<string> {
  const decoder = new TextDecoder();
  for await (const bytes of decompressed(response)) yield decoder.decode(bytes as Buffer, { stream: true });
}

function decompressed(response: IncomingMessage): Readable {
  const stages = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress };
  const stage = stages[response.headers["content-encoding"] as keyof typeof stages]?.();
  if (!stage) return response;
  response.on("error", (error) => stage.destroy(error));
  return response.pipe(stage);
}

/** The whole body, at most `max` characters of it. */
export async function wholeBody({ body }: Answer, max = 100_000): Promise<string> {
  let whole = "";
  for await (const piece of body) {
    whole += piece;
    if (whole.length >= max) break;
  }
  return whole.slice(0, max);
}
