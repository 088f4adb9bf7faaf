/** Merges all adjacent deltas, so that a client's events do not depend on the frames. */
import type { AguiEvent } from "../../../src/protocol/events.ts";

type Delta = AguiEvent & { readonly delta: string };

export function canonical(events: readonly AguiEvent[]): AguiEvent[] {
  const joined: AguiEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    if (last && isText(last) && isText(event) && sameBut(last, event)) {
      joined[joined.length - 1] = { ...last, delta: last.delta + event.delta } as AguiEvent;
    } else joined.push(event);
  }
  return joined;
}

function isText(event: AguiEvent): event is Delta {
  return "delta" in event && typeof event.delta === "string";
}

/** Returns whether two deltas differ only in their text. */
function sameBut(a: Delta, b: Delta): boolean {
  return JSON.stringify({ ...a, delta: "" }) === JSON.stringify({ ...b, delta: "" });
}
