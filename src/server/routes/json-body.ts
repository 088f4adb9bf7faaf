/** The JSON in a request's body. A body with another content type was not read. */
import express, { type Request, type RequestHandler, type Response } from "express";
import { type Client, LARGE_BYTES, type Limits } from "../../limits/limits.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/json-text.ts";

interface JsonBodies {
  readonly limits: Limits;
  readonly maxBytes: number;
  readonly clientOf: (request: Request) => Client;
}

/**
 * Counts a request and the length of its body, and parses the body. A body that was read as text is parsed within the
 * limits. An app that embeds Sluice may have parsed it already.
 */
export function jsonBodies({ limits, maxBytes, clientOf }: JsonBodies): RequestHandler {
  const parser = express.text({ type: "application/json", limit: maxBytes });
  const read = (request: Request, response: Response) =>
    new Promise<unknown>((resolve, reject) => {
      parser(request, response, (error?: unknown) => (error ? reject(error) : resolve(request.body)));
    });
  return async (request, response, next) => {
    const client = clientOf(request);
    const bytes = lengthOf(request);
    await limits.request(client);
    // A body that is too large is refused, and not parsed. An app may have read the body already.
    const isLarge = bytes === undefined || (bytes >= LARGE_BYTES && bytes <= maxBytes);
    if (!isLarge || request.body !== undefined) {
      request.body = parsed(await read(request, response), limits);
      return next();
    }
    if (bytes !== undefined) await limits.body(client, bytes);
    const leave = await limits.largeBody(client);
    const { socket } = request;
    const before = socket.bytesRead;
    let length = 0;
    try {
      const body = await read(request, response);
      if (typeof body === "string") length = bytes ?? Buffer.byteLength(body);
      if (bytes === undefined) await limits.body(client, length);
      await limits.turn(client);
      request.body = parsed(body, limits);
      await limits.turn(client);
    } finally {
      // The bytes that came in count, also when the body broke off or was refused.
      leave(Math.max(length, socket.bytesRead - before));
    }
    next();
  };
}

/** The length of a request's body in bytes. `undefined`: it is known only after the body was read and unpacked. */
function lengthOf({ headers }: Request): number | undefined {
  const isPlain = headers["transfer-encoding"] === undefined && headers["content-encoding"] === undefined;
  return isPlain ? Number(headers["content-length"] ?? 0) : undefined;
}

/**
 * The value of a request's body.
 * @throws SluiceError `bad_request` when there is none.
 */
export function jsonBody({ body }: { readonly body?: unknown }): unknown {
  if (body !== undefined && body !== "") return body;
  throw new SluiceError("bad_request", "body: send JSON, with the header Content-Type: application/json.");
}

function parsed(body: unknown, limits: Limits): unknown {
  const value = typeof body === "string" && body !== "" ? jsonOf(body) : body;
  limits.nodes(value);
  return value;
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new SluiceError("bad_request", "The body is not JSON.");
  }
}
