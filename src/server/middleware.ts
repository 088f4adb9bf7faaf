import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * A function that Express calls for requests, whichever copy of Express that is. It has a file of its own: the types of
 * the package lead here, and must not lead to Express's, which a project that uses the package may not have.
 */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
