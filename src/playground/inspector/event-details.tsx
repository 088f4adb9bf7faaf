import { type Tapped, tap } from "../state/tap.ts";
import { count, size } from "../views/readable.ts";
import { copy } from "./copy.ts";
import { readable } from "./export.ts";

interface Props {
  readonly tapped: Tapped;
  readonly close: () => void;
}

/** One event in full. */
export function EventDetails({ tapped, close }: Props) {
  const { seq, event, cursor, entries, bytes, at, replayed } = tapped;
  const facts = [
    `cursor ${cursor ?? "none"}`,
    entries > 1 && `${entries} log entries in one`,
    bytes > 0 && size(bytes),
    new Date(performance.timeOrigin + at).toISOString().slice(11, 23),
    replayed && "sent after the line was back",
  ];
  return (
    <section class="details" aria-label="Event details">
      <div class="bar">
        <h4 class="mono">{event.type}</h4>
        <button type="button" class="button" onClick={() => copy(JSON.stringify(event), "The event was copied.")}>
          Copy JSON
        </button>
        <button type="button" class="button" aria-label="Close details" onClick={close}>
          ✕
        </button>
      </div>
      <p class="about">
        {facts.filter(Boolean).join(" · ")}
        <span class="hidden">
          , event {seq - tap.first + 1} of {count(tap.next - tap.first, "event")}
        </span>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard has to reach it */}
      <pre tabIndex={0} dir="auto">
        {readable(event)}
      </pre>
    </section>
  );
}
