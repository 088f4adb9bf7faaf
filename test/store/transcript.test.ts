import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type AguiEvent, EventType, isTerminal, type Message } from "../../src/protocol/events.ts";
import { Transcript } from "../../src/store/transcript.ts";
import { NUM_RUNS } from "../support/properties.ts";
import { verifyRun } from "../support/verify.ts";
import {
  ai,
  callPiece,
  line,
  modelEnd,
  nodeEnd,
  said,
  thought,
  token,
  toolEnd,
  translate,
  update,
} from "../translate/events.ts";
import { cutEvents, runEnd } from "../translate/random-runs.ts";

/** Clients update calls with the same id, and print a warning. */
beforeAll(() => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterAll(() => {
  vi.restoreAllMocks();
});

const USER: Message = { id: "u", role: "user", content: "hi" };
const started: AguiEvent = {
  type: EventType.RUN_STARTED,
  threadId: "t",
  runId: "r",
  input: { threadId: "t", runId: "r", messages: [USER], tools: [], context: [] },
};

function fold(events: readonly AguiEvent[], history: readonly Message[] = []): Transcript {
  const transcript = new Transcript(history);
  for (const event of events) transcript.push(event);
  return transcript;
}

const call = (id: string, name: string, args: string) => ({
  id,
  type: "function" as const,
  function: { name, arguments: args },
});

describe("a transcript", () => {
  it("is what was said, asked, thought and found, in order", () => {
    const events = translate(
      [
        thought("a", "hm"),
        token("a", "Ad"),
        token("a", "ding."),
        callPiece("a", { id: "c1", name: "add", args: '{"x"' }),
        callPiece("a", { args: ":1}" }),
        modelEnd("a"),
        toolEnd("1", "add", "2", { call: "c1" }),
        ...said("b", ["Two."]),
      ],
      { fresh: [USER] },
    );
    expect(fold(events).messages).toEqual([
      USER,
      { id: "m-a-reasoning", role: "reasoning", content: "hm" },
      { id: "m-a", role: "assistant", content: "Adding.", toolCalls: [call("c1", "add", '{"x":1}')] },
      { id: "result-c1", role: "tool", toolCallId: "c1", content: "2" },
      { id: "m-b", role: "assistant", content: "Two." },
    ]);
  });

  it("begins with the thread's history, and leaves that as it was", () => {
    const history: Message[] = [USER, { id: "m-a", role: "assistant", toolCalls: [call("c", "add", "{")] }];
    const before = structuredClone(history);
    const transcript = fold(
      [
        { type: EventType.TOOL_CALL_START, toolCallId: "d", toolCallName: "sub", parentMessageId: "m-a" },
        { type: EventType.TOOL_CALL_ARGS, toolCallId: "c", delta: "}" },
      ],
      history,
    );
    expect(transcript.messages[1]).toMatchObject({ toolCalls: [call("c", "add", "{}"), call("d", "sub", "")] });
    expect(history).toEqual(before);
  });

  it("hands out copies", () => {
    const transcript = fold([started]);
    (transcript.messages[0] as { content: string }).content = "changed";
    (transcript.closed[0] as { content: string }).content = "changed";
    expect(transcript.messages).toEqual([USER]);
  });

  it("hands out one message after its reasoning, and none that it does not have", () => {
    const messages: Message[] = [
      { id: "u", role: "user", content: "Hi" },
      { id: "r", role: "reasoning", content: "Hm." },
      { id: "a", role: "assistant", content: "Hello" },
      { id: "b", role: "assistant", content: "Bye" },
    ];
    const transcript = new Transcript(messages);
    expect(transcript.withReasoning("a")).toEqual(messages.slice(1, 3));
    expect(transcript.withReasoning("b")).toEqual(messages.slice(3));
    expect(transcript.withReasoning("u")).toEqual(messages.slice(0, 1));
    expect(transcript.withReasoning("x")).toEqual([]);
  });

  it("keeps a message's name, and opens the message again with it", () => {
    const transcript = new Transcript([]);
    transcript.push({ type: EventType.TEXT_MESSAGE_START, messageId: "m", role: "assistant", name: "critic" });
    expect(transcript.messages).toMatchObject([{ id: "m", name: "critic" }]);
    expect(transcript.reopen()).toMatchObject([{ messageId: "m", name: "critic" }]);
  });

  it("keeps a failed tool's error", () => {
    const result: AguiEvent = {
      type: EventType.TOOL_CALL_RESULT,
      messageId: "t1",
      toolCallId: "c",
      content: "no luck",
      metadata: { error: "no luck" },
    };
    expect(fold([result]).messages).toEqual([
      { id: "t1", role: "tool", toolCallId: "c", content: "no luck", error: "no luck" },
    ]);
  });

  it("has a message for a call that no message announced", () => {
    const events: AguiEvent[] = [
      { type: EventType.TOOL_CALL_START, toolCallId: "c", toolCallName: "add" },
      { type: EventType.TOOL_CALL_ARGS, toolCallId: "c", delta: "{}" },
      { type: EventType.TOOL_CALL_END, toolCallId: "c" },
    ];
    expect(fold(events).messages).toEqual([{ id: "c", role: "assistant", toolCalls: [call("c", "add", "{}")] }]);
  });

  it("survives ids that meet: a client, a model and a graph choose them without asking each other", () => {
    const events = (id: string): AguiEvent[] => [
      { type: EventType.TEXT_MESSAGE_START, messageId: id, role: "assistant" },
      { type: EventType.TEXT_MESSAGE_CONTENT, messageId: id, delta: "Hello" },
      { type: EventType.TEXT_MESSAGE_END, messageId: id },
      { type: EventType.TOOL_CALL_START, toolCallId: id, toolCallName: "add" },
      { type: EventType.TOOL_CALL_END, toolCallId: id },
      { type: EventType.TOOL_CALL_RESULT, messageId: id, toolCallId: id, content: "2" },
    ];
    const { messages } = fold([started, ...events("u")]);
    expect(messages[0]).toEqual(USER);
    expect(messages[1]).toMatchObject({ role: "assistant", content: "Hello", toolCalls: [call("u", "add", "")] });
    expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
  });
});

describe("a snapshot", () => {
  const open = translate([
    ...said("done", ["Done."]),
    thought("a", "hm"),
    token("b", "Hel"),
    callPiece("c", { id: "c1", name: "add", args: '{"x"' }),
    callPiece("d", { index: 0, id: "d1", name: "sub", args: "{}" }),
    token("d", "Then "),
    callPiece("d", { index: 0, id: "d2", name: "div", args: "{" }),
  ]).slice(0, -5);

  it("has the messages nothing can be added to, and opens the rest again with all that was said", () => {
    const cut = open.slice(0, open.findLastIndex(({ type }) => type === EventType.TOOL_CALL_ARGS) + 1);
    const transcript = fold(cut);
    expect(transcript.closed).toEqual([{ id: "m-done", role: "assistant", content: "Done." }]);
    expect(transcript.reopen().map(line)).toEqual([
      "REASONING_START m-a-reasoning",
      "REASONING_MESSAGE_START m-a-reasoning",
      'REASONING_MESSAGE_CONTENT m-a-reasoning "hm"',
      "TEXT_MESSAGE_START m-b",
      'TEXT_MESSAGE_CONTENT m-b "Hel"',
      "TOOL_CALL_START c1 add of m-c",
      'TOOL_CALL_ARGS c1 {"x"',
      "TEXT_MESSAGE_START m-d",
      'TEXT_MESSAGE_CONTENT m-d "Then "',
      "TOOL_CALL_START d1 sub of m-d",
      "TOOL_CALL_ARGS d1 {}",
      "TOOL_CALL_END d1",
      "TOOL_CALL_START d2 div of m-d",
      "TOOL_CALL_ARGS d2 {",
    ]);
  });

  it("of a run that has ended is the transcript, and nothing is open", () => {
    const transcript = fold(translate([...said("a", ["Hi"]), token("b", "Hel")], { end: { kind: "cancelled" } }));
    expect(transcript.closed).toEqual(transcript.messages);
    expect(transcript.reopen()).toEqual([]);
  });
});

describe("whatever a run did, and wherever a reader comes in", () => {
  /** A run's events, and a place in them, after its first and before its last. */
  const cuts = fc
    .record({ events: cutEvents, end: runEnd, tokens: fc.boolean(), percent: fc.nat(99) })
    .map(({ events, end, tokens, percent }) => {
      const all = translate(events, { end, tokens, fresh: [USER] });
      const at = 1 + Math.floor(((all.length - 1) * percent) / 100);
      return { all, at };
    });

  /** The events of that reader: the snapshot, what is open, then the rest. */
  function caughtUp(all: readonly AguiEvent[], at: number): AguiEvent[] {
    const transcript = fold(all.slice(0, at));
    return [
      { type: EventType.RUN_STARTED, threadId: "t", runId: "r" },
      { type: EventType.MESSAGES_SNAPSHOT, messages: transcript.closed },
      ...transcript.reopen(),
      ...all.slice(at),
    ];
  }

  const byId = (messages: readonly Message[]) => [...messages].sort((a, b) => (a.id < b.id ? -1 : 1));

  it("a snapshot, what is open and the rest come to the same messages", () => {
    fc.assert(
      fc.property(cuts, ({ all, at }) => {
        expect(byId(fold(caughtUp(all, at)).messages)).toEqual(byId(fold(all).messages));
      }),
      { numRuns: NUM_RUNS },
    );
  }, 300_000);

  it("a snapshot, what is open and the rest are a legal sequence", async () => {
    await fc.assert(
      fc.asyncProperty(cuts, async ({ all, at }) => {
        await verifyRun(caughtUp(all, at));
      }),
      { numRuns: Math.ceil(NUM_RUNS / 4) },
    );
  }, 300_000);

  it("what is open and what is closed are together all there is", () => {
    fc.assert(
      fc.property(cuts, ({ all, at }) => {
        const transcript = fold(all.slice(0, at));
        const again = fold([
          { type: EventType.MESSAGES_SNAPSHOT, messages: transcript.closed },
          ...transcript.reopen(),
        ]);
        expect(byId(again.messages)).toEqual(byId(transcript.messages));
        expect(again.reopen()).toEqual(transcript.reopen());
      }),
      { numRuns: NUM_RUNS },
    );
  }, 300_000);

  it("the transcript of a run over the transcript of an earlier one has both", () => {
    fc.assert(
      fc.property(cutEvents, runEnd, (events, end) => {
        const history: Message[] = [{ id: "before", role: "assistant", content: "Before." }, USER];
        const all = translate(events, { end, history });
        expect(all.filter(({ type }) => isTerminal(type))).toHaveLength(1);
        expect(fold(all, history).messages).toEqual([...history, ...fold(all).messages]);
      }),
      { numRuns: Math.ceil(NUM_RUNS / 4) },
    );
  }, 300_000);
});

it("a message that a node returns is in it, too", () => {
  const events = translate([nodeEnd("n", { output: update(ai("m1", "Hello")) })]);
  expect(fold(events).messages).toEqual([{ id: "m1", role: "assistant", content: "Hello" }]);
});
