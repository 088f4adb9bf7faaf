/** A conversation built from events of real runs on a real server, and from a few events that are hard to cause. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { approvals } from "../../src/agents/approvals.ts";
import { assistant } from "../../src/agents/assistant.ts";
import { DemoChatModel } from "../../src/agents/models/demo.ts";
import { Conversation, type Said } from "../../src/playground/conversation/conversation.ts";
import { historyUntil } from "../../src/playground/conversation/history.ts";
import type { Item } from "../../src/playground/conversation/items.ts";
import { columns } from "../../src/playground/conversation/steps.ts";
import { type AguiEvent, EventType, type Message } from "../../src/protocol/events.ts";
import { temporaryFolder } from "../support/folder.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { delta, end, runStarted } from "./received.ts";

const folder = temporaryFolder();
let sluice: TestSluice;

beforeAll(async () => {
  const model = new DemoChatModel({ firstTokenMs: 0, tokensPerSecond: 0 });
  sluice = await startSluice({
    assistant: { graph: assistant({ model, checkpointer: memory(), documents: [] }) },
    approvals: { graph: approvals({ model, checkpointer: memory(), notesDir: folder }) },
  });
});
afterAll(() => sluice.close());

/** The events of a run; each comes 10 ms after the one before. */
async function run(question: string, more = {}, agent = "assistant"): Promise<AguiEvent[]> {
  const input = userInput(question, { protocolVersion: "1.0", ...more });
  return await (await postRun(sluice.url, input, `/agui/agent/${agent}/run`)).done;
}

function sent(events: readonly AguiEvent[], conversation = new Conversation()): Conversation {
  for (const [index, event] of events.entries()) conversation.apply(event, index * 10);
  conversation.flush();
  return conversation;
}

/** The items in short. */
function brief(items: readonly Item[]): string[] {
  return items.map((item) => {
    if (item.kind === "user") return `user: ${JSON.stringify(item.content)}`;
    if (item.kind === "text") return `text: ${item.body.text}${item.body.done.value ? "" : " ..."}`;
    if (item.kind === "reasoning") return `reasoning: ${item.body.text.slice(0, 18)}`;
    if (item.kind === "tool") return `tool: ${item.name} ${item.args.text} -> ${item.result.value?.content}`;
    if (item.kind === "answered") return `answered: ${item.answers.map(({ answer }) => answer).join()}`;
    return `end: ${item.outcome}${item.error ? ` ${item.error.code}` : ""}`;
  });
}

describe("a run", () => {
  test("with reasoning, two tools and an answer", async () => {
    const events = await run("Think, then tell me what is 12 * 7 and convert 5 km to miles");
    const { items, run: active, steps, known } = sent(events);
    expect(brief(items.value)).toEqual([
      'user: "Think, then tell me what is 12 * 7 and convert 5 km to miles"',
      "reasoning: I am a demo model.",
      'tool: calculator {"expression":"12 * 7"} -> 84',
      'tool: convert_units {"value":5,"from":"km","to":"miles"} -> 5 km = 3.106855961 miles',
      "text: 12 * 7 = 84\n\n5 km = 3.106855961 miles.\n\n(demo model)",
      "end: done",
    ]);
    expect([active.value, steps.value, known.value]).toEqual([undefined, [], true]);
  });

  test("shows how long its thoughts, its tools, its steps and itself took", async () => {
    const events = await run("Think, then tell me what is 12 * 7");
    const at = (type: EventType) => events.findIndex((event) => event.type === type) * 10;
    const { items } = sent(events);
    const [, reasoning, tool, , ended] = items.value;
    expect(reasoning?.kind === "reasoning" && reasoning.tookMs.value).toBe(
      at(EventType.REASONING_END) - at(EventType.REASONING_START),
    );
    expect(tool?.kind === "tool" && tool.tookMs.value).toBe(
      at(EventType.TOOL_CALL_RESULT) - at(EventType.TOOL_CALL_START),
    );
    if (ended?.kind !== "end") throw new Error("The run has no end.");
    expect(ended.tookMs).toBe((events.length - 1) * 10);
    expect(ended.firstTextMs).toBe(at(EventType.TEXT_MESSAGE_CONTENT));
    expect(ended.steps.map(({ name, column }) => [name, column])).toEqual([
      ["model", 0],
      ["tools", 1],
      ["model", 2],
    ]);
    expect(ended.steps.every(({ tookMs }) => (tookMs ?? 0) > 0)).toBe(true);
    expect(ended.usage).toEqual([expect.objectContaining({ model: "demo", outputTokens: expect.any(Number) })]);
  });

  test("that fails says its code, and keeps what it had said", async () => {
    const { items } = sent(await run("Show me an error"));
    const [, text, ended] = items.value;
    expect(text?.kind === "text" && text.body.done.value).toBe(true);
    expect(ended).toMatchObject({
      kind: "end",
      outcome: "error",
      error: { code: expect.any(String), retryable: expect.any(Boolean) },
    });
  });

  test("that asks leaves its questions, and the next one takes them away", async () => {
    const threadId = "asks";
    const conversation = sent(await run("Write a note: buy milk", { threadId }, "approvals"));
    const [asked] = conversation.interrupts.value;
    expect(asked).toMatchObject({ reason: "approval", responseSchema: { type: "object" } });
    const resume = [{ interruptId: asked?.id, status: "resolved", payload: { decision: "reject" } }];
    sent(await run("", { threadId, messages: [], resume }, "approvals"), conversation);
    expect(conversation.interrupts.value).toEqual([]);
    expect(brief(conversation.items.value)).toContainEqual(
      expect.stringMatching(/^tool: write_note .* -> The note .* rejected it/),
    );
  });

  test("that is sent again replaces what it had sent", async () => {
    const events = await run("Think, then tell me what is 2 + 3");
    const twice = sent(events, sent(events.slice(0, events.length - 4)));
    expect(brief(twice.items.value)).toEqual(brief(sent(events).items.value));
  });

  test("that was refused says why, below the message", () => {
    const conversation = new Conversation();
    conversation.add({ kind: "user", id: "m1", content: "hi" });
    conversation.refuse("r1", { code: "thread_busy", message: "Busy.", retryable: true });
    expect(brief(conversation.items.value)).toEqual(['user: "hi"', "end: error thread_busy"]);
  });
});

describe("a snapshot", () => {
  test("is what the events had said, and leaves what only they know", async () => {
    const threadId = "snapshot";
    const events = await run("Think, then tell me what is 12 * 7", { threadId });
    const conversation = sent(events);
    const before = conversation.items.value;
    const { messages } = await messagesOf(threadId);
    sent([runStarted("r2"), { type: EventType.MESSAGES_SNAPSHOT, messages }], conversation);
    // Reasoning of older runs is in the thread's messages only if the transcript keeps it. Items that remain are the
    // same objects.
    const kept = conversation.items.value.filter(({ kind }) => kind !== "end");
    for (const item of kept) expect(before.includes(item) || item.kind === "user").toBe(true);
    const fresh = sent([runStarted("r3"), { type: EventType.MESSAGES_SNAPSHOT, messages }]);
    expect(brief(fresh.items.value)).toEqual(brief(kept));
  });

  test("takes away what is no longer there", () => {
    const conversation = sent([runStarted("r1"), start("a"), delta("One.", "a"), end("a")]);
    sent([{ type: EventType.MESSAGES_SNAPSHOT, messages: [{ id: "u", role: "user", content: "hi" }] }], conversation);
    expect(brief(conversation.items.value)).toEqual(['user: "hi"']);
  });
});

describe("the history up to a message", () => {
  test("is what the server keeps, with its ids", async () => {
    const threadId = "history";
    const conversation = sent(await run("What is 12 * 7?", { threadId }));
    sent(await run("What is 2 + 3?", { threadId }), conversation);
    const { messages } = await messagesOf(threadId);
    const last = conversation.items.value.findLast(({ kind }) => kind === "text")?.id ?? "";
    expect(historyUntil(conversation.items.value, last)).toEqual(messages);
    const second = messages.findLast(({ role }) => role === "user")?.id ?? "";
    expect(historyUntil(conversation.items.value, second)).toEqual(
      messages.slice(0, messages.findIndex(({ id }) => id === second) + 1),
    );
  });

  test("sent again, makes another answer in the place of the one there was", async () => {
    const threadId = "again";
    const conversation = sent(await run("What is 12 * 7?", { threadId }));
    const asked = conversation.items.value[0]?.id ?? "";
    const messages = historyUntil(conversation.items.value, asked);
    conversation.cutAfter(asked);
    sent(await run("", { threadId, messages }), conversation);
    expect(brief(conversation.items.value)).toEqual([
      'user: "What is 12 * 7?"',
      'tool: calculator {"expression":"12 * 7"} -> 84',
      "text: 12 * 7 = 84\n\n(demo model)",
      "end: done",
    ]);
    expect((await messagesOf(threadId)).messages).toHaveLength(4);
  });
});

describe("what grows", () => {
  test("wakes who shows it only when it is flushed", () => {
    let changes = 0;
    const conversation = new Conversation(() => {
      changes += 1;
    });
    conversation.apply(runStarted("r"), 0);
    conversation.apply(start("m"), 1);
    conversation.flush();
    const [text] = conversation.items.value;
    if (text?.kind !== "text") throw new Error("There is no text.");
    const revision = text.body.revision.value;
    for (let i = 0; i < 1_000; i += 1) conversation.apply(delta("word "), i);
    expect([text.body.revision.value, text.body.text.length]).toEqual([revision, 5_000]);
    conversation.flush();
    expect([text.body.revision.value, changes]).toEqual([revision + 1, 1_000]);
  });
});

test("steps that overlap share a column", () => {
  const steps = sent([
    runStarted("r"),
    step(EventType.STEP_STARTED, "plan"),
    step(EventType.STEP_FINISHED, "plan"),
    step(EventType.STEP_STARTED, "left"),
    step(EventType.STEP_STARTED, "right"),
    step(EventType.STEP_FINISHED, "left"),
    step(EventType.STEP_FINISHED, "right"),
    step(EventType.STEP_STARTED, "sum"),
  ]).steps.value;
  expect(columns(steps).map((column) => column.map(({ name }) => name))).toEqual([
    ["plan"],
    ["left", "right"],
    ["sum"],
  ]);
});

test("progress is shown by steps and by tokens, and does not go back", () => {
  const { progress } = sent([
    runStarted("r"),
    custom("progress", { step: 1, of: 5, label: "Read" }),
    custom("progress", { step: 3, of: 5, label: "Judge" }),
    custom("progress", { step: 2, of: 5, label: "Weigh" }),
    custom("sluice.progress", { tokens: 40, tokensPerSecond: 38.5 }),
    custom("other", { step: 5 }),
    custom("progress", "almost"),
  ]);
  expect(progress.value).toEqual({ done: 3, total: 5, label: "Weigh", tokensPerSecond: 38.5 });
});

test("state is shown with all that a run changed in it", () => {
  const conversation = sent([
    runStarted("r"),
    { type: EventType.STATE_SNAPSHOT, snapshot: { plan: ["a"], "x/y": 1 } },
    {
      type: EventType.STATE_DELTA,
      delta: [
        { op: "add", path: "/plan/-", value: "b" },
        { op: "remove", path: "/x~1y" },
      ],
    },
  ]);
  expect(conversation.state.value).toEqual({
    value: { plan: ["a", "b"] },
    changes: [
      { op: "add", path: "/plan/-", value: "b" },
      { op: "remove", path: "/x~1y" },
    ],
    count: 2,
  });
  sent([{ type: EventType.STATE_DELTA, delta: [{ op: "add", path: "/risk", value: 1 }] }], conversation);
  expect(conversation.state.value).toMatchObject({ value: { risk: 1 }, count: 3 });
  sent([{ type: EventType.STATE_SNAPSHOT, snapshot: { plan: ["a", "b"], risk: 1 } }], conversation);
  expect(conversation.state.value?.count).toBe(3);

  sent([runStarted("s")], conversation);
  expect(conversation.state.value?.count).toBe(3);
  sent([{ type: EventType.STATE_SNAPSHOT, snapshot: { plan: ["a", "c"], risk: 1, done: true } }], conversation);
  expect(conversation.state.value?.changes).toEqual([
    { op: "replace", path: "/plan/1", value: "c" },
    { op: "add", path: "/done", value: true },
  ]);
});

test("of very many changes of state the last are kept, and all counted", () => {
  const conversation = sent([runStarted("r"), { type: EventType.STATE_SNAPSHOT, snapshot: { n: 0 } }]);
  for (let n = 1; n <= 500; n += 1)
    sent([{ type: EventType.STATE_DELTA, delta: [{ op: "replace", path: "/n", value: n }] }], conversation);
  expect(conversation.state.value?.count).toBe(500);
  expect(conversation.state.value?.changes.map(({ value }) => value)).toEqual(
    Array.from({ length: 20 }, (_, index) => 481 + index),
  );
});

test("what happens is said in a few words", async () => {
  const said: Said[] = [];
  sent(await run("Think, then tell me what is 12 * 7"), new Conversation(undefined, (one) => said.push(one)));
  expect(said.flatMap((one) => (one.kind === "notice" ? [one.text] : []))).toEqual([
    "Thinking.",
    "Calling calculator.",
    "calculator has answered.",
    "Done.",
  ]);
});

async function messagesOf(threadId: string): Promise<{ messages: Message[] }> {
  return (await (await fetch(`${sluice.url}/threads/${threadId}/messages`)).json()) as { messages: Message[] };
}

function start(messageId: string): AguiEvent {
  return { type: EventType.TEXT_MESSAGE_START, messageId, role: "assistant" };
}

function step(type: EventType.STEP_STARTED | EventType.STEP_FINISHED, stepName: string): AguiEvent {
  return { type, stepName };
}

function custom(name: string, value: unknown): AguiEvent {
  return { type: EventType.CUSTOM, name, value };
}
