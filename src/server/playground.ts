/** Serves the playground, a page for browsers with its files, from the folder of the build. */
import express, { type Response, Router } from "express";

/**
 * A name that contains a digest of the content, as esbuild makes them, like `main-AB12CD34.js`: the file never changes.
 */
const HASHED = /-[0-9A-Z]{8}\.\w+$/;

/** A `Host` header that can stand in a policy as it is. */
const PLAIN_HOST = /^(?:[\w.-]+|\[[\da-f:]+\])(?::\d+)?$/i;

/**
 * Serves `folder` below wherever this is mounted; its URLs have to be relative. At the root only clients that ask for
 * HTML get the page: requests of `curl` and the like pass on to the next handler. Without the folder all requests
 * pass on.
 */
export function playgroundRoutes(folder: string): Router {
  const router = Router();
  router.get("/", (request, response, next) => {
    response.vary("Accept");
    if (request.accepts(["text/plain", "text/html"]) !== "text/html") return next("router");
    const [path = "/", query] = request.originalUrl.split("?", 2);
    if (path.endsWith("/")) return next();
    // Without the slash the page's relative URLs would be wrong. The redirect is relative, because a proxy may serve
    // this path under another one.
    response.redirect(`./${path.slice(path.lastIndexOf("/") + 1)}/${query === undefined ? "" : `?${query}`}`);
  });
  router.use(express.static(folder, { redirect: false, cacheControl: false, setHeaders }));
  return router;
}

function setHeaders(response: Response, path: string): void {
  response.setHeader("Cache-Control", HASHED.test(path) ? "public, max-age=31536000, immutable" : "no-cache");
  response.setHeader("Content-Security-Policy", policy(response.req.headers.host));
}

/** Allows nothing from other hosts and nothing inline, and forbids frames around the page. */
function policy(host = ""): string {
  // Not every browser counts a WebSocket to the same host as 'self'.
  const sockets = PLAIN_HOST.test(host) ? ` ws://${host} wss://${host}` : "";
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "img-src 'self' data: blob:",
    `connect-src 'self'${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
