/** What was taken back of a thread. */

/** A message that was taken back. It stays known by its id: a client may still hold it, and send it again. */
export interface Tombstone {
  readonly id: string;
  /** The message before it, where there was one. */
  readonly after?: string;
  /** The calls in it. */
  readonly calls?: readonly string[];
}

/** All that was taken back on a thread, one tombstone an id. */
export function allRemoved(
  known: readonly Tombstone[] = [],
  more: readonly Tombstone[] = [],
): readonly Tombstone[] | undefined {
  const all = new Map([...known, ...more].map((tombstone) => [tombstone.id, tombstone]));
  return all.size > 0 ? [...all.values()] : undefined;
}
