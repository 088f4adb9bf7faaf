/** The unmodified clients that frontends are built on, both generations of them, against a real server. */
import { randomUUID } from "node:crypto";
import { HttpAgent } from "@ag-ui/client";
import { HttpAgent as HttpAgent0 } from "ag-ui-client-0.0.59";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { assistant } from "../../src/agents/assistant.ts";
import { DemoChatModel } from "../../src/agents/models/demo.ts";
import { openaiModel } from "../../src/agents/models/openai.ts";
import {
  type AguiEvent,
  EventType,
  type Interrupt,
  type Message,
  type ResumeEntry,
} from "../../src/protocol/events.ts";
import { type RawModel, rawModel } from "../support/raw-model.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";

/** The members of either client that this test uses. */
interface Client {
  readonly threadId: string;
  readonly messages: Message[];
  addMessage(message: Message): void;
  runAgent(
    parameters: { runId?: string; resume?: ResumeEntry[] },
    subscriber: { onEvent(sent: { event: AguiEvent }): void },
  ): Promise<unknown>;
  abortRun(): void;
}

type ClientClass = new (config: { url: string; threadId: string }) => Client;

const generations: [string, ClientClass][] = [
  ["1.0.0", HttpAgent as unknown as ClientClass],
  ["0.0.59", HttpAgent0 as unknown as ClientClass],
];

describe.each(generations)("HttpAgent of @ag-ui/client %s", (generation, HttpAgentClass) => {
  const graph = assistant({
    model: new DemoChatModel({ firstTokenMs: 0, tokensPerSecond: 0 }),
    checkpointer: memory(),
  });
  let model: RawModel;
  let sluice: TestSluice;

  beforeAll(async () => {
    model = await rawModel();
    const held = assistant({ model: openaiModel({ baseUrl: model.baseUrl, model: "held" }), checkpointer: memory() });
    sluice = await startSluice({ assistant: { graph }, held: { graph: held } });
  });
  /** The clients print warnings about unexpected events. */
  let complaints: unknown[][];
  beforeEach(() => {
    complaints = [];
    const note = (...complaint: unknown[]) => complaints.push(complaint);
    vi.spyOn(console, "warn").mockImplementation(note);
    vi.spyOn(console, "error").mockImplementation(note);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  afterAll(async () => {
    await sluice.close();
    await model.close();
  });

  function client(agent = "assistant"): Client {
    return new HttpAgentClass({ url: `${sluice.url}/agui/agent/${agent}/run`, threadId: randomUUID() });
  }

  /** Sends a message or answers, and returns the run's events. */
  async function turn(agent: Client, said: string | ResumeEntry[], onEvent = (_: AguiEvent) => {}) {
    const events: AguiEvent[] = [];
    if (typeof said === "string") agent.addMessage({ id: randomUUID(), role: "user", content: said });
    await agent.runAgent(typeof said === "string" ? {} : { resume: said }, {
      onEvent({ event }) {
        events.push(event);
        onEvent(event);
      },
    });
    return events;
  }

  /** The thread as the server sends it to a client that has nothing. */
  async function stored({ threadId }: Client): Promise<Message[]> {
    const answer = await fetch(`${sluice.url}/threads/${threadId}/messages`);
    return ((await answer.json()) as { messages: Message[] }).messages;
  }

  /** Starts a turn with a model that has said one word and waits. */
  async function speaking(agent: Client) {
    let hear = () => {};
    const heard = new Promise<void>((resolve) => {
      hear = resolve;
    });
    const running = turn(agent, "hi", ({ type }) => {
      if (type === EventType.TEXT_MESSAGE_CONTENT) hear();
    });
    const call = await model.call();
    call.say("Well");
    await heard;
    return { running, call };
  }

  it("sees an answer that took a tool, and ends with the messages the server keeps", async () => {
    const agent = client();
    const events = await turn(agent, "think and what is 12 * 7?");
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED, metadata: { finishReason: "stop" } });
    expect(agent.messages).toMatchObject([
      { role: "user" },
      { role: "reasoning", content: expect.stringContaining("calculator") },
      { role: "assistant", toolCalls: [{ function: { name: "calculator", arguments: '{"expression":"12 * 7"}' } }] },
      { role: "tool", content: "84" },
      { role: "assistant", content: "12 * 7 = 84\n\n(demo model)" },
    ]);
    expect(agent.messages).toEqual(await stored(agent));
    expect(complaints).toEqual([]);
  });

  it("may send its whole history with the second turn: nothing of it is taken for new", async () => {
    const agent = client();
    await turn(agent, "think and what is 1 + 1?");
    const events = await turn(agent, "what is 2 + 3?");
    expect(agent.messages.at(-1)).toMatchObject({ content: "2 + 3 = 5\n\n(demo model)" });
    expect(agent.messages.map(({ role }) => role)).toEqual([
      ...["user", "reasoning", "assistant", "tool", "assistant"],
      ...["user", "assistant", "tool", "assistant"],
    ]);
    // The messages new with this run, those the server keeps, and those of the graph: each once.
    expect(events[0]).toMatchObject({ type: EventType.RUN_STARTED, input: { messages: [{ role: "user" }] } });
    expect(agent.messages).toEqual(await stored(agent));
    const { values } = await graph.getState({ configurable: { thread_id: agent.threadId } });
    expect((values as { messages: { type: string }[] }).messages.map(({ type }) => type)).toEqual([
      ...["human", "ai", "tool", "ai"],
      ...["human", "ai", "tool", "ai"],
    ]);
    expect(complaints).toEqual([]);
  });

  it("hears of a failure, and can go on with the thread", async () => {
    const agent = client();
    const events = await turn(agent, "error");
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_ERROR, code: "model_error" });
    expect(agent.messages).toEqual(await stored(agent));
    await turn(agent, "what is 2 * 2?");
    expect(agent.messages.at(-1)).toMatchObject({ content: "2 * 2 = 4\n\n(demo model)" });
    expect(agent.messages).toEqual(await stored(agent));
    expect(complaints).toEqual([]);
  });

  it("is asked, answers, and sees the run go on from there", async () => {
    const agent = client();
    const asked = await turn(agent, "interrupt and what is 3 * 3?");
    const end = asked.at(-1) as { outcome?: { type: string; interrupts: Interrupt[] } };
    expect(end).toMatchObject({ type: EventType.RUN_FINISHED, outcome: { type: "interrupt" } });
    const { interrupts = [] } = end.outcome ?? {};
    expect(interrupts).toMatchObject([{ message: expect.stringContaining("How shall I go on?") }]);

    const [{ id }] = interrupts as [Interrupt];
    const resumed = await turn(agent, [{ interruptId: id, status: "resolved", payload: "carry on" }]);
    expect(resumed.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED });
    expect(resumed.at(-1)).not.toMatchObject({ outcome: { type: "interrupt" } });
    expect(agent.messages.at(-1)).toMatchObject({
      content: "You answered “carry on”. Thank you, the run goes on from there.\n\n3 * 3 = 9\n\n(demo model)",
    });
    // The call that asked was announced in the first run, and is not announced again by the second.
    const calls = [...asked, ...resumed].filter(({ type }) => type === EventType.TOOL_CALL_START);
    expect(calls).toMatchObject([{ toolCallName: "ask_human" }, { toolCallName: "calculator" }]);
    expect(agent.messages).toEqual(await stored(agent));
    expect(complaints).toEqual([]);
  });

  it("sees a run that somebody stopped end in its generation's own way", async () => {
    const agent = client("held");
    const { running, call } = await speaking(agent);
    await fetch(`${sluice.url}/agui/agent/held/stop/${agent.threadId}`, { method: "POST" });
    const events = await running;
    expect(events.at(-1)).toMatchObject(
      generation === "1.0.0"
        ? { type: EventType.RUN_FINISHED, outcome: { type: "cancelled" } }
        : { type: EventType.RUN_ERROR, code: "cancelled" },
    );
    expect(await call.closed).toBe("hung up");
    expect(agent.messages).toMatchObject([{ role: "user" }, { role: "assistant", content: "Well" }]);
    expect(agent.messages).toEqual(await stored(agent));
    expect(complaints).toEqual([]);
  });

  it("stops its run by hanging up, and can go on with the thread", async () => {
    const agent = client("held");
    const { running, call } = await speaking(agent);
    agent.abortRun();
    await running;
    expect(await call.closed).toBe("hung up");

    const next = turn(agent, "again");
    const nextCall = await model.call();
    nextCall.say("Gladly.");
    nextCall.finish();
    expect((await next).at(-1)).toMatchObject({ type: EventType.RUN_FINISHED });
    expect(agent.messages.map(({ content }) => content)).toEqual(["hi", "Well", "again", "Gladly."]);
    expect(agent.messages).toEqual(await stored(agent));
  });

  it("gets an HTTP status when a run cannot start", async () => {
    const agent = client("nobody");
    await expect(turn(agent, "hi")).rejects.toThrow(/404.*not_found.*assistant, held/s);
  });
});
