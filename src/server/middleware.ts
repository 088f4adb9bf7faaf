import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * A function that Express calls for requests, whichever copy of Express that is. It has its own file, because the
 * package's types import it. They must not import Express's types, which the user's project may not have.
 */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
