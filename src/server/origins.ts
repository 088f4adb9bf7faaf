/** Who may come from a browser: exact origins, where a port may be `*`. */

/** The check for an `Origin` header. Programs that send none pass: a browser always does where it matters. */
export function originCheck(allowed: readonly string[]): (origin: string | undefined) => boolean {
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
 * machine sends that name, and for a GET no origin at all. Only names that origins are allowed for are answered.
 */
export function hostCheck(allowed: readonly string[]): (host: string | undefined) => boolean {
  if (allowed.includes("*")) return () => true;
  const names = new Set(allowed.map((origin) => hostname(origin.replace(/^https?:\/\//i, ""))));
  return (host) => host !== undefined && names.has(hostname(host));
}

function hostname(host: string): string {
  return host.replace(/:(\d+|\*)$/, "").toLowerCase();
}
