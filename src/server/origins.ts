/**
 * Decides which pages may connect from a browser: exact origins, where a port may be `*`, and pages of the same host as
 * the request.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { SluiceError } from "../protocol/errors.ts";
import type { ServerOptions } from "./server-options.ts";

type Asked = Pick<IncomingMessage, "headers" | "method">;

/** Makes a function that checks a request's `Host` and `Origin`. It throws SluiceError `forbidden`. */
export function originGuard({
  allowedOrigins,
  hosts,
  sameOrigin,
  cookies,
  originRefused,
}: Pick<ServerOptions, "allowedOrigins" | "hosts" | "sameOrigin" | "cookies" | "originRefused">): (
  request: Asked,
) => void {
  const originAllowed = originCheck(allowedOrigins);
  const hostAllowed = hosts ? hostCheck(allowedOrigins, hosts) : () => true;
  return ({ method = "GET", headers: { host, origin, cookie } }) => {
    if (!hostAllowed(host)) throw new SluiceError("forbidden", HOST_REFUSED);
    // A page of another site cannot omit the Origin of a request that changes something. So such a request with a
    // cookie needs an Origin.
    if (cookies && cookie !== undefined && origin === undefined && !/^(GET|HEAD|OPTIONS)$/.test(method)) {
      throw new SluiceError("forbidden", ORIGIN_MISSING);
    }
    if (originAllowed(origin) || (sameOrigin && isOf(host, origin))) return;
    originRefused(origin ?? "");
    throw new SluiceError("forbidden", ORIGIN_REFUSED);
  };
}

/**
 * Makes a check whether an origin is named, with its port or with any port. Its pages may send cookies and read the
 * answer. Pages of origins that only `*` allows may not.
 */
export function namedOrigins(allowedOrigins: readonly string[]): (origin: string | undefined) => boolean {
  const named = originCheck(allowedOrigins.filter((entry) => entry !== "*"));
  return (origin) => origin !== undefined && named(origin);
}

const HOST_REFUSED = "This host name is not served. Add it to ALLOWED_HOSTS.";
const ORIGIN_MISSING = "A request that has a cookie and changes something needs an Origin header.";
const ORIGIN_REFUSED = "This origin may not connect. Add it to ALLOWED_ORIGINS, or in code to allowedOrigins.";

/** The check for an `Origin` header. Programs that send no `Origin` pass: browsers send it where it matters. */
function originCheck(allowed: readonly string[]): (origin: string | undefined) => boolean {
  if (allowed.includes("*")) return () => true;
  const exact = new Set(allowed.filter((entry) => !entry.endsWith(":*")).map((entry) => entry.toLowerCase()));
  const anyPort = allowed.filter((entry) => entry.endsWith(":*")).map((entry) => entry.slice(0, -2).toLowerCase());
  return (origin) => {
    if (origin === undefined) return true;
    if (exact.has(origin.toLowerCase())) return true;
    const match = /^(https?:\/\/(?:\[[\da-f:]+\]|[^:/]+))(?::\d+)?$/i.exec(origin);
    return match?.[1] !== undefined && anyPort.includes(match[1].toLowerCase());
  };
}

/**
 * The check for a `Host` header, against DNS rebinding: a page of another site that points its own name at this machine
 * sends that name, and for a GET no origin at all. Only the names in `names` and in the allowed origins are answered,
 * and with `addresses` also IP addresses.
 */
function hostCheck(
  allowed: readonly string[],
  { names, addresses }: { readonly names: readonly string[]; readonly addresses: boolean },
): (host: string | undefined) => boolean {
  if (allowed.includes("*") || names.includes("*")) return () => true;
  const known = new Set([...allowed.map(withoutScheme), ...names].map(hostname));
  return (host) => {
    if (host === undefined) return false;
    const name = hostname(host);
    return known.has(name) || (addresses && isIP(name.replace(/^\[|\]$/g, "")) !== 0);
  };
}

/** Is this a page of the same host? The scheme is not compared, because a proxy may have ended TLS. */
function isOf(host: string | undefined, origin: string | undefined): boolean {
  return host !== undefined && origin !== undefined && withoutScheme(origin).toLowerCase() === host.toLowerCase();
}

function withoutScheme(origin: string): string {
  return origin.replace(/^https?:\/\//i, "");
}

function hostname(host: string): string {
  return host.replace(/:(\d+|\*)$/, "").toLowerCase();
}
