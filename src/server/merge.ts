/** Fewer, larger frames for a reader that is behind. */
import { type AguiEvent, mergeDeltas } from "../protocol/events.ts";
import type { Outgoing } from "./view.ts";

/**
 * Adjacent deltas of one span as one delta, at the last one's position. Other events stay unchanged, and no text is
 * lost.
 */
export function mergeAdjacent(outgoing: readonly Outgoing[]): Outgoing[] {
  const merged: Outgoing[] = [];
  let last: AguiEvent | undefined;
  for (const out of outgoing) {
    const event = out.edge === "inside" ? (JSON.parse(out.json) as AguiEvent) : undefined;
    const joined = last && event && mergeDeltas(last, event);
    if (joined) {
      const count = (merged.pop()?.count ?? 0) + out.count;
      merged.push({ ...out, json: "", count });
    } else {
      finish(merged, last);
      merged.push(out);
    }
    last = joined ?? event;
  }
  finish(merged, last);
  return merged;
}

/** Writes the last merged delta, after which nothing more is added to it. */
function finish(merged: Outgoing[], event: AguiEvent | undefined): void {
  const out = merged.at(-1);
  if (out && event && out.count > 1) merged[merged.length - 1] = { ...out, json: JSON.stringify(event) };
}
