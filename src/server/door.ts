/** The door: a request or a socket that may come in becomes a visitor. */
import type { IncomingMessage } from "node:http";
import { SluiceError } from "../protocol/errors.ts";
import type { Visitor } from "../runs/visitor.ts";
import type { ServerOptions } from "./server-options.ts";

const inside = new WeakMap<IncomingMessage, Visitor>();

/**
 * Lets a request in, once, before anything is read or done for it.
 * Rejects with the answer to a request that may not come in.
 */
export async function admit(
  { authorize, visitor, counts, limits }: Pick<ServerOptions, "authorize" | "visitor" | "counts" | "limits">,
  request: IncomingMessage,
): Promise<Visitor> {
  await limits.signIn(request);
  try {
    await authorize(request);
  } catch (error) {
    if (SluiceError.is(error) && error.code === "unauthorized") {
      counts.authFailures += 1;
      await limits.signInFailed(request);
    }
    throw error;
  }
  const admitted = visitor({ request });
  inside.set(request, admitted);
  return admitted;
}

/** The visitor that a request was admitted as. */
export function visitorOf(request: IncomingMessage): Visitor {
  const visitor = inside.get(request);
  if (!visitor) throw new Error("This request was never admitted.");
  return visitor;
}
