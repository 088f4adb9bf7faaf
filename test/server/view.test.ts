import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { allowList } from "../../src/graph/allow-list.ts";
import type { LogEntry, NewEntry, Provenance } from "../../src/log/log.ts";
import { type AguiEvent, EventType, spanPosition } from "../../src/protocol/events.ts";
import type { GraphEventName } from "../../src/protocol/graph-event.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import { RewrittenEntries } from "../../src/server/rewritten.ts";
import { type Outgoing, View, type ViewOptions } from "../../src/server/view.ts";
import { logged } from "../runs/scripted.ts";
import { NUM_RUNS } from "../support/properties.ts";
import { verifyRun } from "../support/verify.ts";
import { line } from "../translate/events.ts";
import { cutEvents, runEnd } from "../translate/random-runs.ts";

/** Clients update calls with the same id, and print a warning. */
beforeAll(() => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterAll(() => {
  vi.restoreAllMocks();
});

interface Narrowing extends Partial<Omit<ViewOptions, "allowList" | "speaksOne">> {
  events?: string[];
  speaksOne?: boolean;
}

function view({ events, speaksOne = true, ...options }: Narrowing = {}): View {
  return new View({
    allowList: events && allowList({ events }),
    tokens: true,
    reasoning: true,
    speaksOne: () => speaksOne,
    ...options,
  });
}

const STREAM: GraphEventName[] = ["on_chat_model_stream", "on_chat_model_end"];

/** An entry caused by graph events of these names; by none when there are none. */
function entry(event: AguiEvent, ...events: GraphEventName[]): NewEntry {
  const provenance: Provenance | undefined =
    events.length === 0 ? undefined : { events, node: "n", name: "n", tags: [], depth: 1 };
  return { json: JSON.stringify(event), type: event.type, runId: "r", provenance, ...spanPosition(event) };
}

const LOG: LogEntry[] = [
  entry({ type: EventType.RUN_STARTED, threadId: "t", runId: "r" }),
  entry({ type: EventType.STEP_STARTED, stepName: "n" }, "on_chain_start"),
  entry({ type: EventType.REASONING_START, messageId: "m-r" }, ...STREAM),
  entry({ type: EventType.REASONING_MESSAGE_START, messageId: "m-r", role: "reasoning" }, ...STREAM),
  entry({ type: EventType.REASONING_MESSAGE_CONTENT, messageId: "m-r", delta: "h" }, ...STREAM),
  entry({ type: EventType.REASONING_MESSAGE_CONTENT, messageId: "m-r", delta: "m" }, ...STREAM),
  entry({ type: EventType.REASONING_MESSAGE_END, messageId: "m-r" }, ...STREAM),
  entry({ type: EventType.REASONING_END, messageId: "m-r" }, ...STREAM),
  entry({ type: EventType.TEXT_MESSAGE_START, messageId: "m", role: "assistant" }, ...STREAM),
  entry({ type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta: "Hel" }, ...STREAM),
  entry({ type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta: "lo" }, ...STREAM),
  entry({ type: EventType.TOOL_CALL_START, toolCallId: "c", toolCallName: "add", parentMessageId: "m" }, ...STREAM),
  entry({ type: EventType.TOOL_CALL_ARGS, toolCallId: "c", delta: "{" }, ...STREAM),
  entry({ type: EventType.TOOL_CALL_ARGS, toolCallId: "c", delta: "}" }, ...STREAM),
  entry({ type: EventType.TOOL_CALL_END, toolCallId: "c" }, "on_chat_model_end"),
  entry({ type: EventType.TEXT_MESSAGE_END, messageId: "m" }, "on_chat_model_end"),
  entry(
    { type: EventType.TOOL_CALL_RESULT, messageId: "t1", toolCallId: "c", content: "2", role: "tool" },
    "on_tool_end",
  ),
  entry({ type: EventType.CUSTOM, name: "progress", value: 1 }, "on_custom_event"),
  entry({ type: EventType.STEP_FINISHED, stepName: "n" }),
  entry({ type: EventType.RUN_FINISHED, threadId: "t", runId: "r" }),
].map((made, index) => ({ ...made, offset: index + 1 }));

function cursor({ offset }: LogEntry) {
  return { epoch: "e", offset };
}

function pass(entries: readonly LogEntry[], through: View): Outgoing[] {
  return entries.flatMap((entry) => through.push(entry, cursor(entry)));
}

function eventsThrough(entries: readonly LogEntry[], narrowing: Narrowing): AguiEvent[] {
  return pass(entries, view(narrowing)).map(({ json }) => JSON.parse(json) as AguiEvent);
}

function shown(narrowing: Narrowing): string[] {
  return eventsThrough(LOG, narrowing).slice(1, -1).map(line);
}

it("without reasoning hides what was thought before, in whatever repeats the thread's messages", () => {
  const messages = [
    { id: "r", role: "reasoning" as const, content: "secret" },
    { id: "m", role: "assistant" as const, content: "Hi" },
  ];
  const input = { threadId: "t", runId: "r", messages, tools: [], context: [] };
  const repeating = [
    entry({ type: EventType.RUN_STARTED, threadId: "t", runId: "r", input }),
    entry({ type: EventType.MESSAGES_SNAPSHOT, messages }),
  ];
  for (const speaksOne of [true, false]) {
    const push = (reasoning: boolean) =>
      repeating.flatMap((sent, index) =>
        view({ reasoning, speaksOne })
          .push({ ...sent, offset: index + 1 }, undefined)
          .map(({ json }) => json),
      );
    expect(push(true).filter((json) => json.includes("secret"))).toHaveLength(2);
    expect(push(false).filter((json) => json.includes("secret"))).toEqual([]);
    expect(push(false).filter((json) => json.includes("Hi"))).toHaveLength(2);
  }
});

it("is rewritten and serialized once for all views of a topic, though a log gives each of them entries of its own", () => {
  const topic = threadTopic(randomUUID());
  const cancelled = entry({ type: EventType.RUN_FINISHED, threadId: "t", runId: "r", outcome: { type: "cancelled" } });
  const spans = LOG.slice(0, 16);
  const serializes = vi.spyOn(JSON, "stringify");
  for (const [narrowing, entries] of [
    [{ topic, speaksOne: false }, [{ ...cancelled, offset: 100 }]],
    [{ topic, tokens: false }, spans],
  ] as const) {
    const copies = () => entries.map((one) => ({ ...one }));
    serializes.mockClear();
    const first = pass(copies(), view(narrowing));
    expect(first.length).toBeGreaterThan(0);
    const made = serializes.mock.calls.length;
    expect(made).toBeGreaterThanOrEqual(1);
    for (let readers = 0; readers < 5; readers += 1) expect(pass(copies(), view(narrowing))).toEqual(first);
    expect(serializes.mock.calls.length).toBe(made);
    // Another topic shares nothing.
    pass(copies(), view({ ...narrowing, topic: threadTopic(randomUUID()) }));
    expect(serializes.mock.calls.length).toBe(2 * made);
  }
  serializes.mockRestore();
});

it("keeps a bounded part of what was rewritten", () => {
  const entries = new RewrittenEntries();
  const make = vi.fn((size: number): AguiEvent[] => [{ type: EventType.CUSTOM, name: "n", value: "x".repeat(size) }]);
  entries.of("first", () => make(10));
  entries.of("first", () => make(10));
  expect(make).toHaveBeenCalledTimes(1);
  for (let index = 0; index < 9; index += 1) entries.of(`large ${index}`, () => make(1_000_000));
  entries.of("first", () => make(10));
  expect(make).toHaveBeenCalledTimes(11);
});

describe("a view that narrows nothing", () => {
  it("gives the very strings the log holds, each with its cursor", () => {
    const out = pass(LOG, view());
    expect(out).toEqual(
      LOG.map((entry) => {
        const { json, type, edge, provenance } = entry;
        return { json, type, edge, cursor: cursor(entry), count: 1, node: provenance?.node };
      }),
    );
    const odd = { ...(LOG[9] as LogEntry), json: '{ "type":"TEXT_MESSAGE_CONTENT","not":"parsed" ' };
    const through = view();
    pass(LOG.slice(0, 9), through);
    expect(through.push(odd, undefined)).toMatchObject([{ json: odd.json, type: odd.type, cursor: undefined }]);
  });

  it("goes on in the middle of what is open, wherever its reader left off", () => {
    for (let from = 0; from < LOG.length; from += 1) {
      expect(pass(LOG.slice(from), view()).map(({ json }) => json)).toEqual(LOG.slice(from).map(({ json }) => json));
    }
  });
});

describe("a view of named events", () => {
  it("hides whole spans, and shows whole spans", () => {
    expect(shown({ events: ["on_chat_model_stream"] })).toEqual([
      "REASONING_START m-r",
      "REASONING_MESSAGE_START m-r",
      'REASONING_MESSAGE_CONTENT m-r "h"',
      'REASONING_MESSAGE_CONTENT m-r "m"',
      "REASONING_MESSAGE_END m-r",
      "REASONING_END m-r",
      "TEXT_MESSAGE_START m",
      'TEXT_MESSAGE_CONTENT m "Hel"',
      'TEXT_MESSAGE_CONTENT m "lo"',
      "TOOL_CALL_START c add of m",
      "TOOL_CALL_ARGS c {",
      "TOOL_CALL_ARGS c }",
      "TOOL_CALL_END c",
      "TEXT_MESSAGE_END m",
    ]);
    expect(shown({ events: ["on_chain_*"] })).toEqual(["STEP_STARTED n", "STEP_FINISHED n"]);
    expect(shown({ events: ["on_tool_*"] })).toEqual(['TOOL_CALL_RESULT c t1 "2"']);
    expect(shown({ events: ["on_custom_event"] })).toEqual(["CUSTOM progress 1"]);
  });

  it("shows messages whole when it names their end and not their tokens", () => {
    expect(shown({ events: ["on_chat_model_end"], reasoning: false })).toEqual([
      "TEXT_MESSAGE_START m",
      "TOOL_CALL_START c add of m",
      "TOOL_CALL_ARGS c {}",
      "TOOL_CALL_END c",
      'TEXT_MESSAGE_CONTENT m "Hello"',
      "TEXT_MESSAGE_END m",
    ]);
  });

  it("never hides that a run began and how it ended", () => {
    for (const events of [[], ["on_custom_event"]]) {
      const types = eventsThrough(LOG, { events }).map(({ type }) => type);
      expect(types[0]).toBe(EventType.RUN_STARTED);
      expect(types.at(-1)).toBe(EventType.RUN_FINISHED);
    }
  });
});

describe("a view with tokens off", () => {
  it("says at once what was said in pieces, and leaves the rest as it is", () => {
    expect(shown({ tokens: false })).toEqual([
      "STEP_STARTED n",
      "REASONING_START m-r",
      "REASONING_MESSAGE_START m-r",
      'REASONING_MESSAGE_CONTENT m-r "hm"',
      "REASONING_MESSAGE_END m-r",
      "REASONING_END m-r",
      "TEXT_MESSAGE_START m",
      "TOOL_CALL_START c add of m",
      "TOOL_CALL_ARGS c {}",
      "TOOL_CALL_END c",
      'TEXT_MESSAGE_CONTENT m "Hello"',
      "TEXT_MESSAGE_END m",
      'TOOL_CALL_RESULT c t1 "2"',
      "CUSTOM progress 1",
      "STEP_FINISHED n",
    ]);
  });
});

describe("the cursor of what was held back", () => {
  it("comes with the last event it covers: a reader that drops before that gets all of it again", () => {
    const through = view({ tokens: false });
    const out = pass(LOG, through);
    const end = out.findIndex(({ json }) => json.includes('"TEXT_MESSAGE_END"'));
    expect(out[end]?.cursor).toEqual({ epoch: "e", offset: 16 });
    expect(out[end - 1]?.json).toContain("Hello");
    expect(out[end - 1]?.cursor).toBeUndefined();
  });
});

describe("a view with reasoning off", () => {
  it("shows everything but what was thought", () => {
    const rest = LOG.slice(1, -1).filter(({ type }) => !type.startsWith("REASONING"));
    expect(shown({ reasoning: false })).toEqual(rest.map(({ json }) => line(JSON.parse(json) as AguiEvent)));
  });
});

describe("a view for the older generation of clients", () => {
  it("rewrites what would kill them, and parses nothing else", () => {
    const cancelled = entry({
      type: EventType.RUN_FINISHED,
      threadId: "t",
      runId: "r",
      outcome: { type: "cancelled" },
    });
    const [out] = view({ speaksOne: false }).push({ ...cancelled, offset: 1 }, undefined);
    expect(JSON.parse(out?.json ?? "")).toMatchObject({ type: EventType.RUN_ERROR, code: "cancelled" });
    expect(out?.type).toBe(EventType.RUN_ERROR);
    const strings = pass(LOG.slice(0, 16), view({ speaksOne: false })).map(({ json }) => json);
    expect(strings).toEqual(LOG.slice(0, 16).map(({ json }) => json));
  });
});

describe("a view of a graph topic", () => {
  const graphEntry = (name: GraphEventName, offset: number): LogEntry => {
    const provenance = { events: [name], node: "n", name: "n", tags: [], depth: 1 };
    return {
      json: `{"event":"${name}"}`,
      type: "GRAPH",
      runId: "r",
      span: undefined,
      edge: "point",
      provenance,
      offset,
    };
  };
  const end: LogEntry = { ...graphEntry("on_chain_end", 3), type: "GRAPH_END", json: "{}", provenance: undefined };
  const topic = [graphEntry("on_chat_model_stream", 1), graphEntry("on_chat_model_end", 2), end];

  it.each<[string, Narrowing, number[]]>([
    ["everything", {}, [1, 2, 3]],
    ["for the older generation too", { speaksOne: false }, [1, 2, 3]],
    ["the named events", { events: ["on_chat_model_stream"] }, [1, 3]],
    ["no tokens", { tokens: false }, [2, 3]],
  ])("shows %s", (_, narrowing, offsets) => {
    expect(pass(topic, view(narrowing)).map((out) => out.cursor?.offset)).toEqual(offsets);
  });
});

describe("through any view", () => {
  const narrowings: fc.Arbitrary<Narrowing> = fc.record({
    events: fc.option(
      fc.subarray(["on_chat_model_stream", "on_chat_model_end", "on_tool_*", "on_chain_*", "on_custom_event"]),
      { nil: undefined },
    ),
    tokens: fc.boolean(),
    reasoning: fc.boolean(),
    speaksOne: fc.boolean(),
  });

  it("any run is still a legal one: no end without its start, no content without its opening", async () => {
    await fc.assert(
      fc.asyncProperty(cutEvents, runEnd, narrowings, async (events, end, narrowing) => {
        const entries = await logged(events, end);
        await verifyRun(eventsThrough(entries, narrowing));
      }),
      { numRuns: Math.ceil(NUM_RUNS / 4) },
    );
  }, 300_000);

  it("of everything, any run says what the log says", async () => {
    await fc.assert(
      fc.asyncProperty(cutEvents, runEnd, async (events, end) => {
        const entries = await logged(events, end);
        expect(pass(entries, view()).map(({ json }) => json)).toEqual(entries.map(({ json }) => json));
      }),
      { numRuns: Math.ceil(NUM_RUNS / 10) },
    );
  }, 300_000);
});
