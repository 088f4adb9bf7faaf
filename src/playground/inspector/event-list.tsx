/** The rows of the event log. Only visible rows are in the page; all have the same height. */
import type { Signal } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { tap } from "../state/tap.ts";
import { size } from "../views/readable.ts";
import { fine } from "./precise.ts";
import { preview } from "./preview.ts";
import type { Rows } from "./rows.ts";

/** In pixels; `inspector.css` has the same. */
const ROW = 26;
/** The number of extra rows drawn above and below the visible ones, so that scrolling shows no gaps. */
const BEYOND = 8;

interface Props {
  /** Differs for each drawing, because the rows change in place. */
  readonly drawing: number;
  readonly rows: Rows;
  /** The sequence number of the event that is shown in full. */
  readonly selected: Signal<number | undefined>;
  /** Whether the list stays scrolled to its end. */
  readonly following: Signal<boolean>;
}

export function EventList({ rows, selected, following }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  /** The position when the list was last drawn or scrolled. */
  const seen = useRef({ top: 0, dropped: 0 });
  const [view, setView] = useState({ top: 0, height: 0 });
  const end = Math.max(0, (rows.length + 1) * ROW - view.height);
  const gone = rows.dropped - seen.current.dropped;
  const top = following.value ? end : Math.max(0, Math.min(view.top - gone * ROW, end));

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setView(({ top }) => ({ top, height: element.clientHeight })));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    seen.current.dropped = rows.dropped;
    const element = scroller.current;
    if (!element || element.scrollTop === top || !(following.value || gone > 0)) return;
    element.scrollTop = top;
    seen.current.top = element.scrollTop;
    if (!following.value) setView(({ height }) => ({ top, height }));
  });

  const scrolled = () => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop, clientHeight, scrollHeight } = element;
    if (scrollTop + clientHeight >= scrollHeight - 1) following.value = true;
    else if (scrollTop < seen.current.top) following.value = false;
    seen.current.top = scrollTop;
    setView({ top: scrollTop, height: clientHeight });
  };
  const select = (row: number) => {
    const element = scroller.current;
    const seq = rows.at(row);
    if (!element || seq === undefined) return;
    following.value = false;
    selected.value = seq;
    const lowest = (row + 2) * ROW - element.clientHeight;
    element.scrollTop = Math.max(lowest, Math.min(element.scrollTop, row * ROW));
  };
  const pressed = (event: KeyboardEvent) => {
    const row = rowAfter(
      event.key,
      selected.value === undefined ? rows.length : rows.rowOf(selected.value),
      view.height,
    );
    if (row === undefined) return;
    event.preventDefault();
    select(Math.max(0, Math.min(row, rows.length - 1)));
  };

  const first = Math.max(0, Math.floor(top / ROW) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((top + view.height) / ROW) + BEYOND);
  const inSight = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
  const active = inSight.find((row) => rows.at(row) === selected.value);
  return (
    <div class="events" ref={scroller} onScroll={scrolled}>
      <table
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table whose rows can be chosen is a grid
        role="grid"
        aria-label="Events"
        aria-rowcount={rows.length + 1}
        aria-activedescendant={active === undefined ? undefined : `event-${selected.value}`}
        tabIndex={0}
        onKeyDown={pressed}
      >
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" title="Time since the previous event">
              Δt
            </th>
            <th scope="col">Type</th>
            <th scope="col">Cursor</th>
            <th scope="col">Size</th>
          </tr>
        </thead>
        <Space rows={first} />
        <tbody>
          {inSight.map((row) => (
            <Row key={rows.at(row)} rows={rows} row={row} selected={row === active} select={select} />
          ))}
        </tbody>
        <Space rows={rows.length - last} />
      </table>
    </div>
  );
}

/** Fills the space of the rows that are not visible. */
function Space({ rows }: { readonly rows: number }) {
  if (rows <= 0) return null;
  return (
    <tbody aria-hidden="true">
      <tr>
        <td colSpan={4} style={{ height: `${rows * ROW}px` }} />
      </tr>
    </tbody>
  );
}

interface RowProps {
  readonly rows: Rows;
  readonly row: number;
  readonly selected: boolean;
  readonly select: (row: number) => void;
}

function Row({ rows, row, selected, select }: RowProps) {
  const tapped = tap.at(rows.at(row) ?? -1);
  if (!tapped) return null;
  const { seq, event, cursor, bytes, at, replayed } = tapped;
  const before = tap.at(seq - 1);
  return (
    <tr
      class={`${selected ? "selected" : ""} ${replayed ? "replayed" : ""}`}
      id={`event-${seq}`}
      aria-rowindex={row + 2}
      aria-selected={selected}
      onClick={() => select(row)}
    >
      <td>{before ? `+${fine(at - before.at)}` : "–"}</td>
      <td>
        {replayed && (
          <span class="mark" title="Sent after the line was back">
            ↻<span class="hidden"> replayed </span>
          </span>
        )}
        {event.type} <bdi class="preview">{preview(event)}</bdi>
      </td>
      <td title={cursor}>{cursor ? cursor.slice(cursor.indexOf(":")) : "–"}</td>
      <td>{bytes > 0 ? size(bytes) : "–"}</td>
    </tr>
  );
}

/** Returns the row that a key moves to, or `undefined` for any other key. */
function rowAfter(key: string, row: number, height: number): number | undefined {
  const page = Math.max(1, Math.floor(height / ROW) - 2);
  switch (key) {
    case "ArrowUp":
      return row - 1;
    case "ArrowDown":
      return row + 1;
    case "PageUp":
      return row - page;
    case "PageDown":
      return row + page;
    case "Home":
      return 0;
    case "End":
      return Number.POSITIVE_INFINITY;
    default:
      return undefined;
  }
}
