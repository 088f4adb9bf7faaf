/** The part of a graph's state that its agent exposes, with the changes made by the latest run that changed it. */
import { differences, type PatchOperation } from "../../client/json-patch.ts";

/** The number of a run's changes that are kept. */
const KEPT = 20;

export interface ExposedState {
  readonly value: unknown;
  /** The last changes, at most `KEPT`. */
  readonly changes: readonly PatchOperation[];
  /** The number of changes in all. */
  readonly count: number;
}

/**
 * Returns the state after a new value. `changes`: the operations that led to it. For a snapshot they are computed;
 * without a known state there are none. `isOld`: the known state is from an earlier run.
 */
export function newState(
  known: ExposedState | undefined,
  value: unknown,
  isOld: boolean,
  changes: readonly PatchOperation[] = known ? differences(known.value, value) : [],
): ExposedState {
  // A snapshot that repeats the known state changes nothing, so the last changes stay visible.
  if (known && changes.length === 0) return known;
  const before = isOld ? undefined : known;
  return {
    value,
    changes: [...(before?.changes ?? []), ...changes].slice(-KEPT),
    count: (before?.count ?? 0) + changes.length,
  };
}
