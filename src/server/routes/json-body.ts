import type { Request } from "express";
import { SluiceError } from "../../protocol/errors.ts";

/**
 * What a request's body says. A body that is not called JSON was not read.
 * @throws SluiceError `bad_request` when there is none.
 */
export function jsonBody(request: Request): unknown {
  if (request.body !== undefined) return request.body;
  throw new SluiceError("bad_request", "body: send JSON, with the header Content-Type: application/json.");
}
