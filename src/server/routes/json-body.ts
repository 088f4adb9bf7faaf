/** The JSON in a request's body. A body with another content type was not read. */
import type { RequestHandler } from "express";
import type { Limits } from "../../limits/limits.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/json-text.ts";

/** Parses a body that was read as text. An app that embeds Sluice may have parsed it already. */
export function parsedBody(limits: Pick<Limits, "nodes">): RequestHandler {
  return (request, _response, next) => {
    const body: unknown = request.body;
    request.body = typeof body === "string" && body !== "" ? parsed(body) : body;
    limits.nodes(request.body);
    next();
  };
}

/**
 * The value of a request's body.
 * @throws SluiceError `bad_request` when there is none.
 */
export function jsonBody({ body }: { readonly body?: unknown }): unknown {
  if (body !== undefined && body !== "") return body;
  throw new SluiceError("bad_request", "body: send JSON, with the header Content-Type: application/json.");
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new SluiceError("bad_request", "The body is not JSON.");
  }
}
