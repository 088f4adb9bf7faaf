/** The React hooks of LangGraph's clients, as they come from npm: of the SDK, and of its successor. */
import { randomUUID } from "node:crypto";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { useStream as useLegacyStream } from "@langchain/langgraph-sdk/react";
import { useStream } from "@langchain/react";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Rendered, renderHook } from "../../support/react-hook.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";

const model = new SteppedModel();

/** Looks something up, asks, and answers. */
const asking = new StateGraph(MessagesAnnotation)
  .addNode("call", ({ messages }) => ({
    messages: [
      new AIMessage({
        id: `a${messages.length}`,
        content: "",
        tool_calls: [{ id: "c1", name: "look", args: { for: "it" } }],
      }),
    ],
  }))
  .addNode("look", () => ({ messages: [new ToolMessage({ id: "t1", tool_call_id: "c1", content: "found" })] }))
  .addNode("ask", () => ({ messages: [new AIMessage({ id: "a", content: `You said ${interrupt("Go on?")}.` })] }))
  .addEdge(START, "call")
  .addEdge("call", "look")
  .addEdge("look", "ask")
  .compile({ checkpointer: memory() });

let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice(
    { chat: { graph: chatGraph(model) }, asking: { graph: asking } },
    { LANGGRAPH_API: "true", ORPHAN_GRACE_SECONDS: "5" },
  );
});
afterAll(() => sluice.close());

const human = (content: string) => ({ messages: [{ type: "human" as const, content }] });

interface Shown {
  readonly messages: readonly { readonly type: string; readonly content: unknown; readonly text?: string }[];
  readonly isLoading: boolean;
}

const said = ({ messages }: Shown) => messages.map(({ type, text, content }) => `${type}: ${text ?? String(content)}`);
const shows =
  (...lines: string[]) =>
  (shown: Shown) =>
    said(shown).join() === lines.join() && !shown.isLoading;

const newer = (assistantId: string, threadId: string | undefined, transport: Partial<typeof OVER_WEBSOCKET>) => {
  const ids: { threadId?: string } = threadId === undefined ? {} : { threadId };
  const hook = () =>
    useStream({
      apiUrl: `${sluice.url}/langgraph`,
      assistantId,
      ...transport,
      ...ids,
      onThreadId: (id) => Object.assign(ids, { threadId: id }),
    });
  return { hook, ids };
};

const HOOKS = {
  legacy: (assistantId: string, threadId?: string) => {
    const ids: { threadId?: string } = threadId === undefined ? {} : { threadId };
    const hook = () =>
      useLegacyStream({
        apiUrl: `${sluice.url}/langgraph`,
        assistantId,
        ...ids,
        onThreadId: (id) => Object.assign(ids, { threadId: id }),
      });
    return { hook, ids };
  },
  "@langchain/react": (assistantId: string, threadId?: string) => newer(assistantId, threadId, {}),
  "@langchain/react over a WebSocket": (assistantId: string, threadId?: string) =>
    newer(assistantId, threadId, OVER_WEBSOCKET),
};

const OVER_WEBSOCKET = {
  transport: "websocket",
  webSocketFactory: (url: string) => new WebSocket(url) as unknown as globalThis.WebSocket,
} as const;

describe.each(Object.entries(HOOKS))("useStream, %s", (name, make) => {
  const render = async (agent: string, threadId?: string) => {
    const { hook, ids } = make(agent, threadId);
    return {
      page: (await renderHook(hook as () => Shown & ReturnType<typeof useStream>)) as Rendered<
        Shown & ReturnType<typeof useStream>
      >,
      ids,
    };
  };

  test("streams an answer, and shows it again after a reload", async () => {
    const { page, ids } = await render("chat");
    model.say("Hel");
    void page.now.submit(human("hi"));
    await page.until((shown) => said(shown).join() === "human: hi,ai: Hel" && shown.isLoading);
    model.say("lo").end();
    await page.until(shows("human: hi", "ai: Hello"));
    model.say("Again").end();
    void page.now.submit(human("more"));
    await page.until(shows("human: hi", "ai: Hello", "human: more", "ai: Again"));
    page.unmount();
    const { page: reloaded } = await render("chat", ids.threadId);
    await reloaded.until(shows("human: hi", "ai: Hello", "human: more", "ai: Again"));
    reloaded.unmount();
  });

  test("streams the first answer of a thread that the page has named", async () => {
    const { page } = await render("chat", randomUUID());
    void page.now.submit(human("hi"));
    model.say("Hel");
    await page.until((shown) => said(shown).join() === "human: hi,ai: Hel" && shown.isLoading);
    model.say("lo").end();
    await page.until(shows("human: hi", "ai: Hello"));
    page.unmount();
  });

  test("shows a tool's call, a question, and what its answer leads to", async () => {
    const { page, ids } = await render("asking");
    void page.now.submit(human("do it"));
    const lines = ["human: do it", "ai: ", "tool: found"];
    const asked = await page.until((shown) => shown.interrupt !== undefined && shows(...lines)(shown));
    expect(asked.interrupt).toMatchObject({ value: "Go on?" });
    expect(asked.messages[1]).toMatchObject({ tool_calls: [{ id: "c1", name: "look", args: { for: "it" } }] });
    page.unmount();
    const { page: reloaded } = await render("asking", ids.threadId);
    await reloaded.until(({ interrupt }) => interrupt !== undefined);
    if (name !== "legacy") {
      const { toolCalls } = await reloaded.until((shown) => shown.toolCalls[0]?.status === "finished");
      expect(toolCalls).toMatchObject([{ id: "c1", name: "look", args: { for: "it" }, output: "found" }]);
    }
    if (name === "legacy") void reloaded.now.submit(undefined as never, { command: { resume: "yes" } } as never);
    else void reloaded.now.respond("yes", { interruptId: String(asked.interrupt?.id) });
    await reloaded.until(shows(...lines, "ai: You said yes."));
    expect(reloaded.now.interrupt).toBeUndefined();
    reloaded.unmount();
  });
});
