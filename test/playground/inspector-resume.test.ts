/** The page's report after a cut: its counts and its comparison. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compared, textsReceived } from "../../src/playground/inspector/received.ts";
import { sentence } from "../../src/playground/inspector/resume.ts";
import { ResumeCount } from "../../src/playground/transport/resume-count.ts";
import type { Resume } from "../../src/playground/transport/transport.ts";
import { type AguiEvent, EventType, type Message } from "../../src/protocol/events.ts";
import { callArgs, delta, thought } from "./received.ts";

describe("catching up", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("what the log held when the line was back was missed, and later events are new", () => {
    const { line, sent } = cutAt("e:10");
    line.open("e:13");
    expect(heard(line, "e:11", "e:12", "e:13", "e:14")).toEqual([true, true, true, false]);
    expect(sent).toMatchObject([{ from: "e:10", replayed: 3, lost: 0, doubled: 0 }]);
  });

  test("however long a server or a busy page takes, what waits is not taken for news", () => {
    const { line, sent } = cutAt("e:10");
    line.open("e:12");
    vi.advanceTimersByTime(60_000);
    heard(line, "e:11");
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual([]);
    expect(heard(line, "e:12")).toEqual([true]);
    expect(sent).toMatchObject([{ replayed: 2, tookMs: 120_000 }]);
  });

  test("of entries that came as one, those count that were missed", () => {
    const { line, sent } = cutAt("e:10");
    line.open("e:15");
    expect(line.heard({ cursor: "e:20", entries: 10 })).toBe(true);
    expect(sent).toMatchObject([{ replayed: 5 }]);
  });

  test("nothing was missed where the log reaches no further than what came before", () => {
    const { line, sent } = cutAt("e:10");
    line.open("e:10");
    expect(sent).toMatchObject([{ from: "e:10", replayed: 0, lost: 0, doubled: 0, tookMs: 0 }]);
    expect(heard(line, "e:11")).toEqual([false]);
  });

  test("holes and repetitions are counted as they come", () => {
    const { line, sent } = cutAt("e:10");
    line.open("e:14");
    line.heard({ cursor: "e:10", doubled: 1 });
    line.heard({ cursor: "e:12", entries: 1, lost: 1 });
    heard(line, "e:13", "e:14");
    expect(sent).toMatchObject([{ replayed: 3, lost: 1, doubled: 1 }]);
  });

  test("where the end of it is left out, the first event beyond it ends it", () => {
    const { line, sent } = cutAt("e:10");
    line.open("e:14");
    heard(line, "e:12");
    vi.advanceTimersByTime(5_000);
    expect(sent).toEqual([]);
    expect(heard(line, "e:15")).toEqual([false]);
    expect(sent).toMatchObject([{ replayed: 1, tookMs: 0 }]);
  });

  test("a line without positions says itself that it has caught up", () => {
    const { line, sent } = cutAt(undefined);
    line.open(undefined);
    expect([line.heard({ entries: 1 }), line.heard({ entries: 1 })]).toEqual([true, true]);
    line.finish();
    expect(sent).toMatchObject([{ from: undefined, replayed: 2 }]);
    expect(line.heard({ entries: 1 })).toBe(false);
  });

  test.each([
    ["nothing had come before", undefined, "e:12"],
    ["the server names no head", "e:10", undefined],
    ["the log is another by then", "e:10", "e:12"],
  ])("where %s, the first position ends it", (_, from, head) => {
    const { line, sent } = cutAt(from);
    line.open(head);
    expect(line.heard({})).toBe(true);
    expect(heard(line, "f:3", "f:4")).toEqual([true, false]);
    expect(sent).toMatchObject([{ from, replayed: 1 }]);
  });

  test("a line that is lost again while it catches up begins again", () => {
    const { line, sent } = cutAt("e:10");
    line.open("e:13");
    heard(line, "e:11");
    line.lost("e:11");
    line.open("e:13");
    heard(line, "e:12", "e:13");
    expect(sent).toMatchObject([{ from: "e:11", replayed: 2 }]);
  });

  test("after a gap the beginning is what was missed, wherever it ends", () => {
    const { line, sent } = cutAt("e:10");
    line.open("e:40");
    line.gap();
    expect(heard(line, "e:42", "e:43")).toEqual([true, false]);
    expect(sent).toMatchObject([{ from: "e:10", anew: true }]);
  });

  test("without a loss nothing is missed", () => {
    const { line, sent } = cutAt("e:1");
    line.stop();
    line.open("e:2");
    expect(heard(line, "e:2")).toEqual([false]);
    expect(sent).toEqual([]);
  });
});

describe("the sentence", () => {
  const resume: Resume = { from: "e:17", at: 0, anew: false, replayed: 41, lost: 0, doubled: 0, tookMs: 1_320 };

  test("says what was counted", () => {
    expect(sentence(resume, "frames", false)).toBe(
      "Back in 1.32 s, from cursor e:17: 41 entries replayed, 0 lost, 0 doubled.",
    );
    expect(sentence({ ...resume, replayed: 1, lost: 2, doubled: 3 }, "sse", false)).toBe(
      "Back in 1.32 s, from cursor e:17: 1 entry replayed, 2 lost, 3 doubled.",
    );
  });

  test("claims no count where the log held no more what was missed", () => {
    const anew = sentence({ ...resume, anew: true }, "sse", false);
    expect(anew).toContain("sent again");
    expect(anew).not.toContain("0 lost");
  });

  test("claims no loss counted where offsets have holes, and none where there are no offsets", () => {
    expect(sentence(resume, "frames", true)).not.toContain("lost");
    expect(sentence({ ...resume, from: undefined }, "bare", false)).not.toContain("lost");
    expect(sentence({ ...resume, from: undefined }, "bare", false)).toContain(
      "sent again from its beginning, in 41 events.",
    );
  });
});

describe("what was sent, compared with what the server keeps", () => {
  const start = (messageId: string): AguiEvent => ({
    type: EventType.TEXT_MESSAGE_START,
    messageId,
    role: "assistant",
  });
  const events: AguiEvent[] = [
    { type: EventType.REASONING_MESSAGE_START, messageId: "m-reasoning", role: "reasoning" },
    thought("Hm."),
    { type: EventType.TOOL_CALL_START, toolCallId: "c", toolCallName: "look" },
    callArgs('{"a":'),
    callArgs("1}"),
    start("m"),
    delta("Hel"),
    delta("lo"),
  ];
  const kept: Message[] = [
    { id: "u", role: "user", content: "Hi" },
    { id: "m-reasoning", role: "reasoning", content: "Hm." },
    {
      id: "m",
      role: "assistant",
      content: "Hello",
      toolCalls: [{ id: "c", type: "function", function: { name: "look", arguments: '{"a":1}' } }],
    },
  ];

  test("is the same", () => {
    expect(compared(textsReceived(events), kept)).toEqual({ characters: 15, different: 0 });
  });

  test("is the same when it was sent again from its beginning", () => {
    expect(compared(textsReceived([...events, ...events.slice(-3), delta("")]), kept).different).toBe(0);
  });

  test.each([
    ["a delta is missing", events.slice(0, -1)],
    ["a delta came twice", [...events, delta("lo")]],
    ["deltas came in another order", [...events.slice(0, -2), delta("lo"), delta("Hel")]],
    ["arguments are missing", events.filter((event) => !("delta" in event && event.delta === "1}"))],
    ["the server keeps no such message", [...events, start("other"), delta("x", "other")]],
  ])("differs when %s", (_, sent) => {
    expect(compared(textsReceived(sent), kept).different).toBe(1);
  });

  test("leaves out what was not seen to begin", () => {
    expect(compared(textsReceived(events.slice(-2)), kept)).toEqual({ characters: 0, different: 0 });
  });
});

function cutAt(from: string | undefined): { line: ResumeCount; sent: Resume[] } {
  const sent: Resume[] = [];
  const line = new ResumeCount((resume) => sent.push(resume));
  line.lost(from);
  return { line, sent };
}

function heard(line: ResumeCount, ...cursors: string[]): boolean[] {
  return cursors.map((cursor) => line.heard({ cursor, entries: 1 }));
}
