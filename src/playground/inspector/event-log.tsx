/** The log of all events that came over the line. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { tap } from "../state/tap.ts";
import { count } from "../views/readable.ts";
import { EventDetails } from "./event-details.tsx";
import { EventList } from "./event-list.tsx";
import { KINDS, type Kind, Rows } from "./rows.ts";

/** The time that the search waits for another key, in milliseconds. */
const TYPING_MS = 150;

export function EventLog() {
  const rows = useMemo(() => new Rows(), []);
  const kinds = useSignal<readonly Kind[]>([]);
  const typed = useSignal("");
  const search = useSignal("");
  /** Events from this sequence number on are not listed. */
  const pausedAt = useSignal<number | undefined>(undefined);
  const selected = useSignal<number | undefined>(undefined);
  const following = useSignal(true);

  const filter = useComputed(() => ({ kinds: kinds.value, search: search.value })).value;
  useMemo(() => rows.filter(filter, tap, pausedAt.peek()), [filter]);
  tap.version.value; // Draws the log again when the tap changes.
  rows.update(tap, pausedAt.value);
  const drawing = useRef(0);
  drawing.current += 1;

  useEffect(() => {
    const timer = setTimeout(() => {
      search.value = typed.value;
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed.value]);

  const toggle = (kind: Kind) => {
    kinds.value = kinds.value.includes(kind) ? kinds.value.filter((one) => one !== kind) : [...kinds.value, kind];
  };
  const paused = pausedAt.value !== undefined;
  const fresh = paused ? tap.next - Math.max(pausedAt.value ?? 0, tap.first) : 0;
  const held = tap.next - tap.first;
  const tapped = tap.at(selected.value ?? -1);
  return (
    <section class="log" aria-labelledby="log-heading">
      <div class="bar">
        <h3 id="log-heading">Events</h3>
        <span class="quiet">
          {rows.length === held
            ? count(held, "event")
            : `${rows.length.toLocaleString("en")} of ${count(held, "event")}`}
          {paused && `, paused: ${fresh.toLocaleString("en")} new`}
        </span>
        <button
          type="button"
          class="button"
          disabled={following.value}
          onClick={() => {
            following.value = true;
          }}
        >
          Latest
        </button>
        <button
          type="button"
          class="button"
          onClick={() => {
            pausedAt.value = paused ? undefined : tap.next;
          }}
        >
          {paused ? "Resume" : "Pause"}
        </button>
        <button
          type="button"
          class="button"
          onClick={() => {
            tap.clear();
            selected.value = undefined;
          }}
        >
          Clear
        </button>
      </div>
      <input
        class="field"
        type="search"
        aria-label="Search events"
        placeholder="Search in the JSON"
        value={typed}
        onInput={({ currentTarget }) => {
          typed.value = currentTarget.value;
        }}
      />
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would need a visible legend */}
      <div class="kinds" role="group" aria-label="Show only">
        {(Object.keys(KINDS) as Kind[]).map((kind) => (
          <button
            type="button"
            class="button"
            key={kind}
            aria-pressed={kinds.value.includes(kind)}
            onClick={() => toggle(kind)}
          >
            {kind}
          </button>
        ))}
      </div>
      <div class="list">
        <EventList drawing={drawing.current} rows={rows} selected={selected} following={following} />
        {rows.length === 0 && (
          <p class="quiet empty">{held === 0 ? "No events yet. Send a message." : "No event passes the filter."}</p>
        )}
      </div>
      {tapped && (
        <EventDetails
          tapped={tapped}
          close={() => {
            selected.value = undefined;
          }}
        />
      )}
    </section>
  );
}
