/** The JSON in a request's body. A body with another content type was not read. */
import express, { type Request, type RequestHandler } from "express";
import { type Client, LARGE_BYTES, type Limits } from "../../limits/limits.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/json-text.ts";

interface JsonBodies {
  readonly limits: Limits;
  readonly maxBytes: number;
  readonly clientOf: (request: Request) => Client;
}

/**
 * Counts requests by the length of their bodies, and parses these. A body that was read as text is parsed within the
 * limits. An app that embeds Sluice may have parsed it already.
 */
export function jsonBodies({ limits, maxBytes, clientOf }: JsonBodies): RequestHandler[] {
  const readText = express.text({ type: "application/json", limit: maxBytes });
  return [
    async (request, response, next) => {
      const client = clientOf(request);
      const bytes = lengthOf(request);
      await limits.request(client);
      if (bytes !== undefined && bytes < LARGE_BYTES) return readText(request, response, next);
      if (bytes !== undefined) await limits.body(client, bytes);
      const done = await limits.reading(client);
      readText(request, response, (error?: unknown) => {
        done();
        next(error);
      });
    },
    async (request, _response, next) => {
      const { body }: { body?: unknown } = request;
      if (typeof body === "string" && body.length >= LARGE_BYTES) {
        const client = clientOf(request);
        if (lengthOf(request) === undefined) await limits.body(client, body.length);
        await limits.turn(client);
        request.body = parsed(body, limits);
        await limits.turn(client);
      } else request.body = typeof body === "string" && body !== "" ? parsed(body, limits) : checked(body, limits);
      next();
    },
  ];
}

/** The length of a request's body in bytes. `undefined`: it is known only after the body was read. */
function lengthOf({ headers }: Request): number | undefined {
  return headers["transfer-encoding"] === undefined ? Number(headers["content-length"] ?? 0) : undefined;
}

/**
 * The value of a request's body.
 * @throws SluiceError `bad_request` when there is none.
 */
export function jsonBody({ body }: { readonly body?: unknown }): unknown {
  if (body !== undefined && body !== "") return body;
  throw new SluiceError("bad_request", "body: send JSON, with the header Content-Type: application/json.");
}

function parsed(text: string, limits: Limits): unknown {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    throw new SluiceError("bad_request", "The body is not JSON.");
  }
  return checked(value, limits);
}

function checked(value: unknown, limits: Limits): unknown {
  limits.nodes(value);
  return value;
}
