/**
 * Messages that a graph removes or replaces after they were sent, as clients see them, with real endpoints and graphs.
 */
import { HttpAgent } from "@ag-ui/client";
import { AIMessage, type BaseMessage, RemoveMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type AguiEvent, EventType, type Message, type RunAgentInput } from "../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";

const SECRET = "555-0199";
const models = { guarded: new SteppedModel(), beside: new SteppedModel(), retried: new SteppedModel() };
const flaky = new SteppedModel();
const spare = new SteppedModel();

const last = (messages: readonly BaseMessage[]) => messages.at(-1) as BaseMessage;

const team = new StateGraph(MessagesAnnotation)
  .addNode("model", async ({ messages }) => ({ messages: await models.guarded.invoke(messages) }))
  .addNode("guard", ({ messages }) => {
    const { id = "", text } = last(messages);
    return {
      messages: text.includes("remove") ? new RemoveMessage({ id }) : new AIMessage({ id, content: "[hidden]" }),
    };
  })
  .addEdge(START, "model")
  .addEdge("model", "guard")
  .compile();

/** One branch's answer is replaced by a guard, or removed, while another branch speaks. */
const guarded = new StateGraph(MessagesAnnotation)
  .addNode("team", team)
  .addNode("beside", async ({ messages }) => {
    await models.beside.invoke(messages);
    return {};
  })
  .addEdge(START, "team")
  .addEdge(START, "beside")
  .compile({ checkpointer: memory() });

/** The first attempt fails, and another model is used. */
const retried = new StateGraph(MessagesAnnotation)
  .addNode("model", async ({ messages }) => ({ messages: await flaky.withFallbacks([spare]).invoke(messages) }))
  .addEdge(START, "model")
  .addEdge("model", END)
  .compile({ checkpointer: memory() });

let drafts = 0;
/** Writes a draft, asks, and on the answer writes once more. */
const drafting = new StateGraph(MessagesAnnotation)
  .addNode("write", async ({ messages }) => {
    drafts += 1;
    const draft = await new SteppedModel().say(`draft ${drafts}`).end().invoke(messages);
    interrupt("Send it?");
    return { messages: draft };
  })
  .addEdge(START, "write")
  .addEdge("write", END)
  .compile({ checkpointer: memory() });

let looks = 0;
const twice = new StateGraph(MessagesAnnotation)
  .addNode("model", async ({ messages }) => {
    if (last(messages).type === "tool") return { messages: new AIMessage({ id: "done", content: "Done." }) };
    const calls = ["look", "ask"].map((name) => ({ id: `call-${name}`, name, args: {} }));
    return { messages: new AIMessage({ id: "calls", content: "", tool_calls: calls }) };
  })
  .addNode(
    "tools",
    new ToolNode([
      tool(() => `seen ${++looks}`, { name: "look", schema: z.object({}) }),
      tool(() => `said ${interrupt("Sure?")}`, { name: "ask", schema: z.object({}) }),
    ]),
  )
  .addEdge(START, "model")
  .addConditionalEdges("model", ({ messages }) => ((last(messages) as AIMessage).tool_calls?.length ? "tools" : END))
  .addEdge("tools", "model")
  .compile({ checkpointer: memory() });

describe("what a graph takes back", () => {
  let sluice: TestSluice;
  beforeAll(async () => {
    sluice = await startSluice({
      guarded: { graph: guarded, entry: { whenBusy: "enqueue" } },
      retried: { graph: retried },
      drafting: { graph: drafting },
      twice: { graph: twice },
    });
  });
  afterAll(() => sluice.close());

  const path = (agent: string) => `/agui/agent/${agent}/run`;

  async function kept(threadId: string): Promise<Message[]> {
    const response = await fetch(`${sluice.url}/threads/${threadId}/messages`);
    return ((await response.json()) as { messages: Message[] }).messages;
  }

  async function said(threadId: string): Promise<unknown[]> {
    return (await kept(threadId)).map(({ role, content }) => (role === "user" ? role : content));
  }

  async function run(agent: string, input: RunAgentInput): Promise<AguiEvent[]> {
    const events = await (await postRun(sluice.url, input, path(agent))).done;
    await verifyRun(events);
    return events;
  }

  const types = (events: readonly AguiEvent[]) => events.map(({ type }) => type);
  const snapshotOf = (events: readonly AguiEvent[]) =>
    events.flatMap((event) => (event.type === EventType.MESSAGES_SNAPSHOT ? event.messages : []));

  /** A run whose answer is replaced while another branch speaks. */
  async function replaced(input: RunAgentInput): Promise<AguiEvent[]> {
    models.beside.say("one ");
    models.guarded.say(`Call ${SECRET}.`).end();
    const { done, until, events } = await postRun(sluice.url, input, path("guarded"));
    await until(EventType.TEXT_MESSAGE_CONTENT);
    while (!events.some((event) => event.type === EventType.STEP_FINISHED && event.stepName === "team/guard")) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    models.beside.say("two ", "three").end();
    return done;
  }

  it("is sent when nothing is open any more, and a parallel branch loses no word", async () => {
    const input = userInput("who?");
    const events = await replaced(input);
    await verifyRun(events);
    const order = types(events);
    expect(order.lastIndexOf(EventType.TEXT_MESSAGE_END)).toBeLessThan(order.indexOf(EventType.MESSAGES_SNAPSHOT));
    expect(await said(input.threadId)).toEqual(expect.arrayContaining(["user", "[hidden]", "one two three"]));
    expect(await kept(input.threadId)).toEqual(snapshotOf(events));
    expect(JSON.stringify(await kept(input.threadId))).not.toContain(SECRET);
  });

  it("is not sent to readers that come later", async () => {
    const input = userInput("who?");
    const events = await replaced(input);
    const again = await run("guarded", input);
    expect(types(again)).toEqual(["RUN_STARTED", "CUSTOM", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]);
    expect(again[1]).toMatchObject({ name: "sluice.gap", value: { reason: "corrected" } });
    expect(snapshotOf(again)).toEqual(snapshotOf(events));
    const answer = await fetch(`${sluice.url}${path("guarded")}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(input),
    });
    const { messages } = (await answer.json()) as { messages: Message[] };
    expect(messages.map(({ content }) => content).sort()).toEqual(["[hidden]", "one two three"]);
  });

  it("leaves HttpAgent with what holds", async () => {
    const agent = new HttpAgent({ url: `${sluice.url}${path("guarded")}` });
    agent.addMessage({ id: "u", role: "user", content: "who?" });
    models.beside.say("Yes.").end();
    models.guarded.say("Please remove this.").end();
    await agent.runAgent();
    expect(agent.messages.map(({ content }) => content)).toEqual(["who?", "Yes."]);
    expect(await kept(agent.threadId)).toEqual(agent.messages);
  });

  it("keeps what those have said who wait for the thread, and their run still begins with it", async () => {
    const input = userInput("first");
    models.beside.say("one");
    const first = await postRun(sluice.url, input, path("guarded"));
    await first.until(EventType.TEXT_MESSAGE_CONTENT);
    const next = userInput("second", { threadId: input.threadId });
    const second = postRun(sluice.url, next, path("guarded"));
    models.guarded.say(`Call ${SECRET}.`).end();
    while (!first.events.some((event) => event.type === EventType.STEP_FINISHED && event.stepName === "team/guard")) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    models.beside.end();
    expect(snapshotOf(await first.done)).toContainEqual(next.messages[0]);
    models.beside.say("more").end();
    models.guarded.say("No secret.").end();
    await (await second).done;
    expect(models.guarded.prompts.at(-1)).toEqual(["first", "[hidden]", "second"]);
  });

  it("is not believed of a client that sends it again", async () => {
    const agent = new HttpAgent({ url: `${sluice.url}${path("retried")}` });
    const { threadId } = agent;
    agent.addMessage({ id: "u", role: "user", content: "hi" });
    flaky.say("Half ").fail(new Error("connection reset"));
    spare.say("The whole.").end();
    const sent: AguiEvent[] = [];
    await agent.runAgent({}, { onEvent: ({ event }) => void sent.push(event as AguiEvent) });
    const order = types(sent);
    expect(order.indexOf(EventType.TEXT_MESSAGE_END)).toBeLessThan(order.lastIndexOf(EventType.TEXT_MESSAGE_START));
    expect(await said(threadId)).toEqual(["user", "The whole."]);
    const half = sent.find(({ type }) => type === EventType.TEXT_MESSAGE_START) as { messageId: string };
    flaky.say("Fine.").end();
    await run(
      "retried",
      userInput("and?", {
        threadId,
        messages: [
          { id: "u", role: "user", content: "hi" },
          { id: half.messageId, role: "assistant", content: "Half " },
          { id: "u2", role: "user", content: "and?" },
        ],
      }),
    );
    expect(flaky.prompts.at(-1)).toEqual(["hi", "The whole.", "and?"]);
    expect(await said(threadId)).toEqual(["user", "The whole.", "user", "Fine."]);
  });

  it("is the draft of a node that runs again on the answer", async () => {
    const input = userInput("write");
    const { threadId } = input;
    const asked = (await run("drafting", input)).at(-1) as { outcome?: { interrupts: { id: string }[] } };
    expect(await said(threadId)).toEqual(["user", "draft 1"]);
    const resume = [{ interruptId: String(asked.outcome?.interrupts[0]?.id), status: "resolved" as const, payload: 1 }];
    await run("drafting", userInput("", { threadId, messages: [], resume }));
    expect(await said(threadId)).toEqual(["user", "draft 2"]);
  });

  it("is the first result of a call that was carried out twice", async () => {
    const input = userInput("go");
    const { threadId } = input;
    const asked = (await run("twice", input)).at(-1) as { outcome?: { interrupts: { id: string }[] } };
    const resume = [
      { interruptId: String(asked.outcome?.interrupts[0]?.id), status: "resolved" as const, payload: "yes" },
    ];
    await run("twice", userInput("", { threadId, messages: [], resume }));
    expect(await said(threadId)).toEqual(["user", undefined, "seen 2", "said yes", "Done."]);
  });

  it("moves no run's beginning: an edited message goes back to where it was said", async () => {
    const first = userInput("one");
    const { threadId } = first;
    models.beside.say("a").end();
    models.guarded.say("Please remove this.").end();
    await run("guarded", first);
    const before = await kept(threadId);
    models.beside.say("b").end();
    models.guarded.say("Kept.").end();
    const second = userInput("two", { threadId });
    await run("guarded", second);
    models.beside.say("c").end();
    models.guarded.say("Kept too.").end();
    const edited = { ...(second.messages[0] as Message), content: "three" } as Message;
    await run("guarded", userInput("", { threadId, messages: [...before, edited] }));
    expect(models.guarded.prompts.at(-1)).toEqual(["one", "three"]);
    expect(await said(threadId)).toEqual(["user", "a", "user", expect.anything(), expect.anything()]);
  });
});
