/** The rows of the event log, and the text of an event. */
import { describe, expect, test } from "vitest";
import { jsonLines, readable } from "../../src/playground/inspector/export.ts";
import { kindOf, Rows } from "../../src/playground/inspector/rows.ts";
import { Tap } from "../../src/playground/state/tap.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { callArgs, delta, received, runFinished, runStarted, thought } from "./received.ts";

describe("the rows", () => {
  test("are all events, in order, as they come", () => {
    const tap = tapOf(runStarted("r"), delta("a"));
    const rows = new Rows();
    rows.update(tap);
    tap.push(received(delta("b")));
    rows.update(tap);
    rows.update(tap);
    expect(listed(rows, tap)).toEqual(["RUN_STARTED", "a", "b"]);
  });

  test("are those of some kinds, also of what comes later", () => {
    const tap = tapOf(runStarted("r"), thought("hm"), delta("a"), callArgs("{"));
    const rows = new Rows();
    rows.filter({ kinds: ["Text", "Run"], search: "" }, tap);
    tap.push(received(thought("oh")));
    tap.push(received(runFinished("r")));
    rows.update(tap);
    expect(listed(rows, tap)).toEqual(["RUN_STARTED", "a", "RUN_FINISHED"]);
  });

  test("are those whose JSON has the words, in whatever case", () => {
    const tap = tapOf(delta("Hello World"), delta("HELLO"), delta("bye"));
    const rows = new Rows();
    rows.filter({ kinds: [], search: "hello" }, tap);
    expect(listed(rows, tap)).toEqual(["Hello World", "HELLO"]);
    rows.filter({ kinds: [], search: "text_message" }, tap);
    expect(rows.length).toBe(3);
    rows.filter({ kinds: ["Tools"], search: "hello" }, tap);
    expect(rows.length).toBe(0);
    rows.filter({ kinds: [], search: "" }, tap);
    expect(rows.length).toBe(3);
  });

  test("stand still while paused, and catch up after", () => {
    const tap = tapOf(delta("a"));
    const rows = new Rows();
    rows.update(tap);
    const paused = tap.next;
    tap.push(received(delta("b")));
    rows.update(tap, paused);
    rows.filter({ kinds: ["Text"], search: "" }, tap, paused);
    expect(listed(rows, tap)).toEqual(["a"]);
    rows.update(tap);
    expect(listed(rows, tap)).toEqual(["a", "b"]);
  });

  test("go with what the tap lets go of, and say how many went", () => {
    const tap = new Tap(4, () => {});
    const rows = new Rows();
    rows.filter({ kinds: ["Text"], search: "" }, tap);
    for (const event of [runStarted("r"), delta("a"), delta("b"), delta("c")]) tap.push(received(event));
    rows.update(tap);
    expect(rows.dropped).toBe(0);
    tap.push(received(delta("d")));
    tap.push(received(delta("e")));
    rows.update(tap);
    expect(rows.dropped).toBe(1);
    expect(listed(rows, tap)).toEqual(["b", "c", "d", "e"]);
    tap.clear();
    rows.update(tap);
    expect(rows.dropped).toBe(5);
    tap.push(received(delta("f")));
    rows.update(tap);
    expect(listed(rows, tap)).toEqual(["f"]);
  });

  test("go too when what came is too large to keep, but for the newest", () => {
    const tap = new Tap(100, () => {}, 1_000);
    const rows = new Rows();
    for (const text of ["a", "b", "c"]) tap.push(received(delta(text), { bytes: 400 }));
    rows.update(tap);
    expect(listed(rows, tap)).toEqual(["b", "c"]);
    tap.push(received(delta("large"), { bytes: 5_000 }));
    rows.update(tap);
    expect(listed(rows, tap)).toEqual(["large"]);
    tap.clear();
    for (const text of ["d", "e"]) tap.push(received(delta(text), { bytes: 400 }));
    rows.update(tap);
    expect(listed(rows, tap)).toEqual(["d", "e"]);
  });

  test("are found by what they list", () => {
    const tap = tapOf(delta("a"), thought("hm"), delta("b"), thought("hm"), delta("c"));
    const rows = new Rows();
    rows.filter({ kinds: ["Text"], search: "" }, tap);
    expect([0, 1, 2, 3, 4, 5].map((seq) => rows.rowOf(seq))).toEqual([0, 1, 1, 2, 2, 3]);
  });

  test("every type of event has a kind, but for those of no use here", () => {
    const without = Object.values(EventType).filter((type) => kindOf(type) === undefined);
    expect(without.filter((type) => !type.startsWith("THINKING_"))).toEqual([]);
  });
});

describe("an event to read", () => {
  test("is indented JSON", () => {
    expect(readable(delta("a"))).toBe('{\n  "type": "TEXT_MESSAGE_CONTENT",\n  "messageId": "m",\n  "delta": "a"\n}');
  });

  test("of a megabyte is cut, and says by how much", () => {
    const text = readable(delta("x".repeat(1_000_000)));
    expect(text.length).toBeLessThan(3_000);
    expect(text).toContain("… (998,000 more characters)");
  });

  test("with a long list is cut, and says by how much", () => {
    const event: AguiEvent = { type: EventType.CUSTOM, name: "n", value: Array.from({ length: 1_000 }, (_, i) => i) };
    expect(readable(event)).toContain("… (900 more items)");
  });

  test("with many members is cut as text", () => {
    const value = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`member ${index}`, "x".repeat(50)]));
    const text = readable({ type: EventType.STATE_SNAPSHOT, snapshot: value });
    expect(text.length).toBeLessThan(50_100);
    expect(text).toMatch(/… \([\d,]+ more characters\)$/);
  });
});

test("JSON lines hold all that was known of each event", () => {
  const text = jsonLines(
    [
      received(runStarted("r"), { at: 1.5, cursor: "e:1", bytes: 80 }),
      received(delta("two\nlines"), { at: 2, cursor: "e:3", entries: 2, replayed: true }),
      received(delta("c"), { at: 3, cursor: undefined }),
    ],
    1_000,
  );
  expect(text.endsWith("\n")).toBe(true);
  const lines = text.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { at: 1001.5, cursor: "e:1", bytes: 80, entries: 1, replayed: false, event: runStarted("r") },
    { at: 1002, cursor: "e:3", bytes: 0, entries: 2, replayed: true, event: delta("two\nlines") },
    { at: 1003, cursor: null, bytes: 0, entries: 1, replayed: false, event: delta("c") },
  ]);
});

function tapOf(...events: AguiEvent[]): Tap {
  const tap = new Tap(100, () => {});
  for (const event of events) tap.push(received(event));
  return tap;
}

/** The rows, each by its text if it has one. */
function listed(rows: Rows, tap: Tap): string[] {
  return Array.from({ length: rows.length }, (_, row) => {
    const event = tap.at(rows.at(row) ?? -1)?.event;
    return event && "delta" in event ? String(event.delta) : String(event?.type);
  });
}
