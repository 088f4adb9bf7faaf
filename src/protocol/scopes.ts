/** The rights of a principal. */

/**
 * `run`: start runs, answer interrupts, delete and share threads. `watch`: read threads and follow them. `cancel`: cancel runs.
 * `admin`: all that on everybody's threads.
 */
export const SCOPES = ["run", "watch", "cancel", "admin"] as const;

export type Scope = (typeof SCOPES)[number];

/** The rights of a principal without named scopes. */
export const DEFAULT_SCOPES: readonly Scope[] = ["run", "watch", "cancel"];

/** The names in `names` that are scopes. */
export function scopesIn(names: readonly string[]): Scope[] {
  return SCOPES.filter((scope) => names.includes(scope));
}
