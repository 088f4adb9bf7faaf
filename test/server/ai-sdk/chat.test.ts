/** The AI SDK's own clients, as they come from npm, against its chat as Sluice serves it. */
import { randomUUID } from "node:crypto";
import { Chat, useChat } from "@ai-sdk/react";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import {
  Annotation,
  interrupt,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import {
  DefaultChatTransport,
  isToolUIPart,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
  type UIMessage,
} from "ai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { frontendTools } from "../../../src/authoring/frontend-tools.ts";
import { renderHook } from "../../support/react-hook.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";

const CANARY = "canary-77ab";
const model = new SteppedModel();

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  plan: Annotation<string>(),
  secret: Annotation<string>(),
});

/** Keeps a secret, shows a plan, writes something of its own, and calls a tool. */
const busy = new StateGraph(State)
  .addNode("hidden", () => ({ secret: CANARY, messages: [] }))
  .addNode("call", (_state, config: LangGraphRunnableConfig) => {
    config.writer?.({ name: "weather", value: { id: "w", sky: "blue" } });
    const call = { id: "c1", name: "look", args: { for: "it" } };
    return { plan: "walk", messages: [new AIMessage({ id: "m1", content: "Let me see.", tool_calls: [call] })] };
  })
  .addNode("look", () => ({
    messages: [new ToolMessage({ id: "m2", tool_call_id: "c1", content: '{"found":[1,2]}' })],
  }))
  .addNode("shown", () => ({ messages: [new AIMessage({ id: "m3", content: "Done." })] }))
  .addEdge(START, "hidden")
  .addEdge("hidden", "call")
  .addEdge("call", "look")
  .addEdge("look", "shown")
  .compile({ checkpointer: memory() });

/** A graph that asks before it executes a call, and then asks a question without a call. */
const asking = new StateGraph(MessagesAnnotation)
  .addNode("call", () => ({
    messages: [
      new AIMessage({ id: "a1", content: "", tool_calls: [{ id: "d1", name: "drop", args: { table: "x" } }] }),
    ],
  }))
  .addNode("drop", () => {
    const answer: unknown = interrupt({ message: "Drop it?", toolCallId: "d1" });
    return { messages: [new ToolMessage({ id: "a2", tool_call_id: "d1", content: JSON.stringify(answer) })] };
  })
  .addNode("name", () => ({
    messages: [new AIMessage({ id: "a3", content: `Thanks, ${interrupt("Who are you?")}.` })],
  }))
  .addEdge(START, "call")
  .addEdge("call", "drop")
  .addEdge("drop", "name")
  .compile({ checkpointer: memory() });

/** Lets the page carry out a tool. */
const delegating = new StateGraph(MessagesAnnotation)
  .addNode("work", ({ messages }, config) => {
    const last = messages.at(-1);
    const content = last?.type === "tool" ? `The page says ${last.text}.` : "";
    const [tool] = frontendTools(config);
    const calls = content === "" && tool ? [{ id: "p1", name: tool.function.name, args: {} }] : [];
    return { messages: [new AIMessage({ content, tool_calls: calls })] };
  })
  .addEdge(START, "work")
  .compile({ checkpointer: memory() });

let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice(
    {
      chat: { graph: chatGraph(model) },
      busy: { graph: busy, entry: { state: ["plan"], filter: { nodes: { exclude: ["hidden"] } } } },
      asking: { graph: asking },
      delegating: { graph: delegating },
    },
    { AI_SDK_API: "true", ORPHAN_GRACE_SECONDS: "5" },
  );
});
afterAll(() => sluice.close());

const api = () => `${sluice.url}/ai-sdk/chat`;
type Options = Omit<ConstructorParameters<typeof Chat<UIMessage>>[0], "transport">;

function chatWith(agent: string, body: object = {}, options: Options = {}): Chat<UIMessage> {
  const transport = new DefaultChatTransport({ api: api(), body: { agent, ...body } });
  return new Chat({ id: randomUUID(), transport, ...options });
}

/** The history of a chat, as a page loads it. */
async function loaded(id: string) {
  const response = await fetch(`${api()}/${id}`);
  return (await response.json()) as { id: string; messages: UIMessage[]; active: boolean; state?: unknown };
}

const brief = ({ role, parts }: UIMessage) =>
  `${role}: ${parts
    .flatMap((part) => {
      if (part.type === "text") return part.text;
      if (part.type === "reasoning") return `(${part.text})`;
      if (isToolUIPart(part)) return `[${part.type} ${part.state}]`;
      return [];
    })
    .join(" ")}`;
const said = ({ messages }: { messages: UIMessage[] }) => messages.map(brief);

describe("a chat", () => {
  test("is answered in pieces, thoughts first, and the history holds the same message", async () => {
    const chat = chatWith("chat");
    model.think("hm", "m").say("Hel", "lo").end();
    await chat.sendMessage({ text: "hi" });
    expect(chat.status).toBe("ready");
    expect(said(chat)).toEqual(["user: hi", "assistant: (hmm) Hello"]);
    expect(chat.lastMessage?.parts.map(({ type }) => type)).toEqual(["step-start", "reasoning", "text"]);
    const history = await loaded(chat.id);
    expect(said(history)).toEqual(said(chat));
    expect(history.messages.map(({ id }) => id)).toEqual(chat.messages.map(({ id }) => id));

    // A page continues with the messages that it has loaded, none of which is new to the thread.
    const reloaded = chatWith("chat", {}, { id: chat.id, messages: history.messages });
    model.say("Again").end();
    await reloaded.sendMessage({ text: "more" });
    expect(model.prompts.at(-1)).toEqual(["hi", "Hello", "more"]);
    expect(said(await loaded(chat.id))).toEqual(said(reloaded));
  });

  test("is answered anew, and an edited message makes a branch", async () => {
    const chat = chatWith("chat");
    model.say("one").end().say("two").end().say("three").end();
    await chat.sendMessage({ text: "count" });
    await chat.regenerate();
    expect(said(chat)).toEqual(["user: count", "assistant: two"]);
    await chat.sendMessage({ text: "count on", messageId: String(chat.messages[0]?.id) });
    expect(said(chat)).toEqual(["user: count on", "assistant: three"]);
    expect(model.prompts.at(-1)).toEqual(["count on"]);
    expect(said(await loaded(chat.id))).toEqual(said(chat));
  });

  test("takes files, and knows them again", async () => {
    const chat = chatWith("chat");
    model.say("A dot.").end().say("Still.").end();
    const url = "data:image/png;base64,iVBORw0KGgo=";
    await chat.sendMessage({
      text: "see",
      files: [{ type: "file", mediaType: "image/png", filename: "dot.png", url }],
    });
    const { messages } = await loaded(chat.id);
    expect(messages[0]?.parts).toEqual(chat.messages[0]?.parts);
    await chat.sendMessage({ text: "and now?" });
    expect(model.prompts.at(-1)).toHaveLength(3);
    expect(said(await loaded(chat.id))).toHaveLength(4);
  });

  test("is stopped: what was said stays, and the run ends", async () => {
    const chat = chatWith("chat");
    model.say("never");
    const sent = chat.sendMessage({ text: "go" });
    await until(() => said(chat).at(-1) === "assistant: never");
    expect((await fetch(`${api()}/${chat.id}/stop`, { method: "POST" })).status).toBe(200);
    await sent;
    expect(chat.status).toBe("ready");
    expect(said(await loaded(chat.id))).toEqual(["user: go", "assistant: never"]);
    expect((await fetch(`${api()}/${chat.id}/stop`, { method: "POST" })).status).toBe(404);
  });

  test("a page that stops and types on is answered", async () => {
    const chat = chatWith("chat");
    model.say("long");
    const sent = chat.sendMessage({ text: "go" });
    await until(() => said(chat).at(-1) === "assistant: long");
    await chat.stop();
    await sent;
    const calls = model.prompts.length;
    const next = chat.sendMessage({ text: "again" });
    await until(() => model.prompts.length > calls);
    model.say("short").end();
    await next;
    expect(said(chat)).toEqual(["user: go", "assistant: long", "user: again", "assistant: short"]);
  });

  test("an error is the run's own", async () => {
    const chat = chatWith("chat");
    model.say("So ").fail(new Error("no luck"));
    await chat.sendMessage({ text: "hi" });
    expect(chat.status).toBe("error");
    expect(chat.error?.message).toContain("no luck");
    expect(chat.lastMessage?.metadata).toMatchObject({ sluice: { error: { code: expect.any(String) } } });
    const unknown = chatWith("nobody");
    await unknown.sendMessage({ text: "hi" });
    expect(unknown.error?.message).toContain("not_found");
  });
});

describe("a page that comes back", () => {
  test("is sent the answer that is under way from its beginning, and 204 when there is none", async () => {
    const chat = chatWith("chat");
    model.say("one ");
    const sent = chat.sendMessage({ text: "count" });
    await until(() => said(chat).at(-1) === "assistant: one ");
    const history = await loaded(chat.id);
    expect(history.active).toBe(true);
    expect(said(history)).toEqual(["user: count"]);
    const other = chatWith("chat", {}, { id: chat.id, messages: history.messages });
    const resumed = other.resumeStream();
    await until(() => said(other).at(-1) === "assistant: one ");
    model.say("two").end();
    await Promise.all([sent, resumed]);
    expect(said(other)).toEqual(["user: count", "assistant: one two"]);
    expect(other.messages).toEqual(chat.messages);
    await other.resumeStream();
    expect(other.status).toBe("ready");
    expect((await fetch(`${api()}/${chat.id}/stream`)).status).toBe(204);
  });

  test("after a cut nothing is lost or doubled", async () => {
    const chat = chatWith("chat");
    model.say("one ");
    const sent = chat.sendMessage({ text: "count" });
    await until(() => said(chat).at(-1) === "assistant: one ");
    sluice.server.closeAllConnections();
    await sent;
    expect(chat.status).toBe("error");
    const resumed = chat.resumeStream();
    await until(() => chat.status === "streaming");
    model.say("two").end();
    await resumed;
    expect(said(chat)).toEqual(["user: count", "assistant: one two"]);
  });
});

describe("a graph's work", () => {
  test("is parts: steps, calls, results, data and state, and nothing that is kept back", async () => {
    const data: unknown[] = [];
    const chat = chatWith("busy", {}, { onData: (part) => data.push(part) });
    await chat.sendMessage({ text: "hi" });
    expect(chat.lastMessage?.parts).toMatchObject([
      { type: "data-weather", id: "w", data: { id: "w", sky: "blue" } },
      { type: "step-start" },
      { type: "text", text: "Let me see." },
      {
        type: "tool-look",
        toolCallId: "c1",
        state: "output-available",
        input: { for: "it" },
        output: { found: [1, 2] },
      },
      { type: "step-start" },
      { type: "text", text: "Done." },
    ]);
    expect(data).toContainEqual({ type: "data-state", data: { plan: "walk" }, transient: true });
    expect(lastAssistantMessageIsCompleteWithToolCalls(chat)).toBe(false);
    const history = await loaded(chat.id);
    expect(history.state).toEqual({ plan: "walk" });
    expect(said(history)).toEqual(said(chat));
    expect(JSON.stringify([chat.messages, data, history])).not.toContain(CANARY);
  });

  test("a tool of the page is carried out there, and the answer goes on in the same message", async () => {
    const tools = { where: { description: "Where am I?", parameters: { type: "object", properties: {} } } };
    const chat: Chat<UIMessage> = chatWith(
      "delegating",
      { tools },
      {
        sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
        onToolCall: ({ toolCall }) => {
          void chat.addToolOutput({
            tool: toolCall.toolName,
            toolCallId: toolCall.toolCallId,
            output: { city: "Bonn" },
          });
        },
      },
    );
    await chat.sendMessage({ text: "where?" });
    await until(() => said(chat).at(-1)?.includes("Bonn") === true && chat.status === "ready");
    expect(said(chat)).toEqual([
      "user: where?",
      'assistant: [tool-where output-available] The page says {"city":"Bonn"}.',
    ]);
    const history = await loaded(chat.id);
    expect(said(history)).toEqual(said(chat));
    expect(history.messages.map(({ id }) => id)).toEqual(chat.messages.map(({ id }) => id));
  });

  test("a tool is approved, and a question is answered, in the same message, also after a reload", async () => {
    const chat = chatWith("asking");
    await chat.sendMessage({ text: "drop it" });
    expect(said(chat).at(-1)).toBe("assistant: [tool-drop approval-requested]");
    const { messages } = await loaded(chat.id);
    expect(brief(messages.at(-1) as UIMessage)).toBe("assistant: [tool-drop approval-requested]");
    const page = chatWith(
      "asking",
      {},
      { id: chat.id, messages, sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses },
    );
    const [part] = messages.at(-1)?.parts.filter(isToolUIPart) ?? [];
    await page.addToolApprovalResponse({ id: String(part?.approval?.id), approved: true, reason: "old" });
    const question = () => page.lastMessage?.parts.findLast(({ type }) => type === "data-interrupt");
    const open = () => (question() as { data?: { message?: string; answered?: boolean } } | undefined)?.data;
    await until(() => open()?.message === "Who are you?" && page.status === "ready");
    expect(part?.approval?.id).not.toBe((question() as { id?: string }).id);
    expect(page.lastMessage?.parts.find(isToolUIPart)).toMatchObject({ output: { approved: true, text: "old" } });
    await page.sendMessage({ text: "hello?" });
    expect(page.error?.message).toContain("interrupt_pending");
    page.messages = (await loaded(chat.id)).messages;
    const interruptId = (question() as { id?: string }).id;
    await page.sendMessage(undefined, { body: { resume: [{ interruptId, status: "resolved", payload: "Ada" }] } });
    expect(said(page)).toEqual(["user: drop it", "assistant: [tool-drop output-available] Thanks, Ada."]);
    expect(open()?.answered).toBe(true);
    expect(said(await loaded(chat.id))).toEqual(said(page));
  });
});

test("the React hook shows an answer as it comes, and a page that mounts later joins it", async () => {
  const transport = new DefaultChatTransport({ api: api(), body: { agent: "chat" } });
  const id = randomUUID();
  const page = await renderHook(() => useChat({ id, transport }));
  model.say("Hel");
  void page.now.sendMessage({ text: "hi" });
  await page.until((shown) => said(shown).at(-1) === "assistant: Hel" && shown.status === "streaming");
  const { messages } = await loaded(id);
  const late = await renderHook(() => useChat({ id, transport, messages, resume: true }));
  await late.until((shown) => said(shown).at(-1) === "assistant: Hel");
  model.say("lo").end();
  for (const each of [page, late]) {
    await each.until((shown) => shown.status === "ready" && said(shown).join() === "user: hi,assistant: Hello");
    each.unmount();
  }
});

test("what is malformed is refused by the name of its field", async () => {
  const headers = { "content-type": "application/json" };
  const post = async (body: object) => {
    const response = await fetch(api(), { method: "POST", headers, body: JSON.stringify(body) });
    return `${response.status} ${await response.text()}`;
  };
  expect(await post({ messages: [] })).toMatch(/^400 .*field id/s);
  expect(await post({ id: "x", messages: [{ id: "m", role: "user" }] })).toMatch(/^400 .*parts/s);
  expect(await post({ id: "x", messages: [], resume: "yes" })).toMatch(/^400 .*resume/s);
  expect(await post({ id: "x", messages: [], tools: 3 })).toMatch(/^400 .*tools/s);
});

async function until(test: () => boolean): Promise<void> {
  await expect.poll(test, { interval: 5 }).toBe(true);
}
