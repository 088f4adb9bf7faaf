/** Events as if all adjacent deltas had been merged: what a client was sent, however it was cut into frames. */
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

/** Do two deltas differ in nothing but their text? */
function sameBut(a: Delta, b: Delta): boolean {
  return JSON.stringify({ ...a, delta: "" }) === JSON.stringify({ ...b, delta: "" });
}
