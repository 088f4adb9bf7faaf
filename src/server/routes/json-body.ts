import { SluiceError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/json-text.ts";

/**
 * The value of a request's body. A body that is not called JSON was not read.
 * @throws SluiceError `bad_request` when there is none, or when it is not JSON.
 */
export function jsonBody({ body }: { readonly body?: unknown }): unknown {
  if (body === undefined || body === "") {
    throw new SluiceError("bad_request", "body: send JSON, with the header Content-Type: application/json.");
  }
  // An app that embeds Sluice may have parsed it already.
  if (typeof body !== "string") return body;
  try {
    return parseJson(body);
  } catch {
    throw new SluiceError("bad_request", "The body is not JSON.");
  }
}
