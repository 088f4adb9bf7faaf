/** The state of a graph as far as its agent exposes it, with what the latest run that changed it did to it. */
import { differences, type PatchOperation } from "../../client/json-patch.ts";

/** The number of a run's changes that are kept. */
const KEPT = 20;

export interface ExposedState {
  readonly value: unknown;
  /** The last of them. */
  readonly changes: readonly PatchOperation[];
  /** The number of changes in all. */
  readonly count: number;
}

/**
 * The state after another value came. `changes`: how it came about; a snapshot does not say, and a state that was not
 * known before has not changed. `isOld`: the state is of an earlier run.
 */
export function newState(
  known: ExposedState | undefined,
  value: unknown,
  isOld: boolean,
  changes: readonly PatchOperation[] = known ? differences(known.value, value) : [],
): ExposedState {
  // A snapshot that repeats what is known says nothing, and the last changes stay in view.
  if (known && changes.length === 0) return known;
  const before = isOld ? undefined : known;
  return {
    value,
    changes: [...(before?.changes ?? []), ...changes].slice(-KEPT),
    count: (before?.count ?? 0) + changes.length,
  };
}
