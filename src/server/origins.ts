/**
 * Decides which pages may connect from a browser: exact origins, where a port may be `*`, and pages of the very host
 * that is asked.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { SluiceError } from "../protocol/errors.ts";
import type { ServerOptions } from "./server-options.ts";

type Asked = Pick<IncomingMessage, "headers" | "method">;

/**
 * Holds a request's `Host` and `Origin` against what is allowed.
 * The returned function throws SluiceError `forbidden`.
 */
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
    // A page of another site cannot leave the Origin out of what changes something; only with it is a cookie a sign-in.
    if (cookies && cookie !== undefined && origin === undefined && !/^(GET|HEAD|OPTIONS)$/.test(method)) {
      throw new SluiceError("forbidden", ORIGIN_MISSING);
    }
    if (originAllowed(origin) || (sameOrigin && isOf(host, origin))) return;
    originRefused(origin ?? "");
    throw new SluiceError("forbidden", ORIGIN_REFUSED);
  };
}

/**
 * Is this origin one of those that are named, alone or with any port? Its pages may send cookies and read the answer.
 * Browsers keep their cookies back where any origin may come.
 */
export function namedOrigins(allowedOrigins: readonly string[]): (origin: string | undefined) => boolean {
  const named = originCheck(allowedOrigins.filter((entry) => entry !== "*"));
  return (origin) => origin !== undefined && named(origin);
}

const HOST_REFUSED = "This host name is not served. Add it to ALLOWED_HOSTS.";
const ORIGIN_MISSING = "A request with a cookie that changes something has to name its Origin.";
const ORIGIN_REFUSED = "This origin may not connect. Add it to ALLOWED_ORIGINS, or in code to allowedOrigins.";

/** The check for an `Origin` header. Programs that send none pass: a browser always does where it matters. */
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
 * The check for a `Host` header, against DNS rebinding: a page of another site that points its own name at this
 * machine sends that name, and for a GET no origin at all. Only names that are allowed, or that origins are allowed for,
 * are answered; addresses too where `addresses` says so.
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

/** Did the page come from the host it asks? The scheme says nothing: a proxy may have taken TLS off. */
function isOf(host: string | undefined, origin: string | undefined): boolean {
  return host !== undefined && origin !== undefined && withoutScheme(origin).toLowerCase() === host.toLowerCase();
}

function withoutScheme(origin: string): string {
  return origin.replace(/^https?:\/\//i, "");
}

function hostname(host: string): string {
  return host.replace(/:(\d+|\*)$/, "").toLowerCase();
}
