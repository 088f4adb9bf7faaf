/** The hook in a real React with a DOM, against a real server: a chat as a page would write it. */
import { tool } from "@langchain/core/tools";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { Window } from "happy-dom";
import { createElement, StrictMode } from "react";
import type { Root } from "react-dom/client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { z } from "zod";
import { takeInjected } from "../../src/authoring/injected.ts";
import { type SluiceThread, type SluiceThreadOptions, useSluiceThread } from "../../src/react/index.ts";
import { quick } from "../client/follow.ts";
import { type FaultProxy, faultProxy } from "../support/fault-proxy.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { SteppedModel } from "../support/stepped-model.ts";

let sluice: TestSluice;
let proxy: FaultProxy;
let model: SteppedModel;
let threadId: string;
let page: Window;
let createRoot: typeof import("react-dom/client").createRoot;
let threads = 0;
const roots = new Set<Root>();

const rain = tool(({ place }) => `Rain in ${place}.`, { name: "rain", schema: z.object({ place: z.string() }) });
const current = { invoke: (...input: Parameters<SteppedModel["invoke"]>) => model.invoke(...input) };
const chat = new StateGraph(MessagesAnnotation)
  .addNode("chat", async ({ messages }) => ({ messages: await current.invoke(messages) }))
  .addNode("tools", new ToolNode([rain]))
  .addEdge(START, "chat")
  .addConditionalEdges("chat", toolsCondition, ["tools", END])
  .addEdge("tools", "chat");
/** Takes the messages sent in the meantime, and answers them too. */
const takes = new StateGraph(MessagesAnnotation)
  .addNode("chat", async ({ messages }) => ({ messages: await current.invoke(messages) }))
  .addNode("take", async (_, config) => ({ messages: await takeInjected(config) }))
  .addEdge(START, "chat")
  .addEdge("chat", "take")
  .addConditionalEdges("take", ({ messages }) => (messages.at(-1)?.type === "human" ? "chat" : END), ["chat", END]);
const ask = new StateGraph(MessagesAnnotation)
  .addNode("ask", () => ({ messages: [{ role: "ai", content: `You said ${interrupt("Shall I?")}.`, id: "said" }] }))
  .addEdge(START, "ask")
  .addEdge("ask", END);

beforeAll(async () => {
  page = new Window();
  vi.stubGlobal("window", page);
  vi.stubGlobal("document", page.document);
  vi.stubGlobal("navigator", page.navigator);
  ({ createRoot } = await import("react-dom/client"));
  sluice = await startSluice(
    {
      chat: { graph: chat.compile({ checkpointer: memory() }) },
      takes: { graph: takes.compile({ checkpointer: memory() }) },
      ask: { graph: ask.compile({ checkpointer: memory() }) },
    },
    { HEARTBEAT_SECONDS: "0.1", ORPHAN_GRACE_SECONDS: "60" },
  );
  proxy = await faultProxy(sluice.ws);
});
afterAll(async () => {
  await proxy.close();
  await sluice.close();
  vi.unstubAllGlobals();
  await page.happyDOM.close();
});
beforeEach(() => {
  threads += 1;
  threadId = `thread-${threads}`;
  model = new SteppedModel();
});
afterEach(() => {
  for (const root of roots) root.unmount();
  roots.clear();
});

/** A chat that shows what a person would see, and one button for each thing a person can do. */
function Chat(options: SluiceThreadOptions) {
  const thread = useSluiceThread(options);
  const line = ({ role, content = "" }: SluiceThread["messages"][number]) => `${role}: ${content}`;
  const button = (name: string, onClick: () => void) =>
    createElement("button", { key: name, type: "button", onClick }, name);
  return createElement(
    "main",
    null,
    createElement(
      "ol",
      null,
      ...thread.messages.map((message) => createElement("li", { key: message.id }, line(message))),
    ),
    createElement(
      "pre",
      null,
      JSON.stringify(thread.tools.map(({ name, arguments: args, result }) => [name, args, result?.content])),
    ),
    createElement("i", null, thread.isRunning ? "running" : "idle"),
    createElement("b", null, thread.interrupts.map(({ message }) => message).join()),
    createElement("em", null, thread.injected.map(({ content, state }) => `${content}: ${state}`).join()),
    createElement("u", null, thread.error?.code ?? "none"),
    createElement("s", null, thread.connection.status),
    button("send", () => thread.send("Hi")),
    button("inject", () => thread.inject("Use euros")),
    button("dismiss", () => {
      for (const { id } of thread.injected) thread.dismiss(id);
    }),
    button("answer", () => thread.resume({ payload: "yes" })),
    button("stop", thread.stop),
    button("reconnect", thread.reconnect),
  );
}

/** Opens the page, with the checks of React's strict mode. */
function open(options: Partial<SluiceThreadOptions> = {}) {
  const element = page.document.createElement("div");
  const root = createRoot(element as unknown as Element);
  roots.add(root);
  root.render(
    createElement(StrictMode, null, createElement(Chat, { ...quick, url: `${proxy.ws}/ws`, threadId, ...options })),
  );
  page.document.body.append(element);
  const click = (name: string) =>
    [...element.querySelectorAll("button")].find(({ textContent }) => textContent === name)?.click();
  const text = (selector: string) => element.querySelector(selector)?.textContent;
  return {
    shows: (selector: string, value: string) => vi.waitFor(() => expect(text(selector)).toBe(value), WAIT),
    says: (...lines: string[]) =>
      vi.waitFor(
        () => expect([...element.querySelectorAll("li")].map((item) => item.textContent)).toEqual(lines),
        WAIT,
      ),
    isCut: () => vi.waitFor(() => expect(text("s")).not.toBe("open"), WAIT),
    async press(name: string) {
      await vi.waitFor(() => expect(text("s")).toBe("open"), WAIT);
      click(name);
    },
    reconnect: () => click("reconnect"),
    close() {
      roots.delete(root);
      root.unmount();
    },
  };
}

const WAIT = { interval: 5, timeout: 15_000 };

it("shows an answer while it grows", async () => {
  const shown = open();
  await shown.press("send");
  model.say("Hel", "lo");
  await shown.says("user: Hi", "assistant: Hello");
  await shown.shows("i", "running");
  model.say(".").end();
  await shown.says("user: Hi", "assistant: Hello.");
  await shown.shows("i", "idle");
});

it("goes on after a cut in the middle of an answer, with nothing lost or doubled", async () => {
  const shown = open();
  await shown.press("send");
  model.say("one ");
  await shown.says("user: Hi", "assistant: one ");
  const before = proxy.connections;
  proxy.reachable = false;
  proxy.strike("reset");
  await shown.isCut();
  model.say("two ").say("three").end();
  proxy.reachable = true;
  await shown.says("user: Hi", "assistant: one two three");
  await shown.shows("i", "idle");
  expect(proxy.connections).toBeGreaterThan(before);
});

it("shows the tools' calls and results", async () => {
  const shown = open();
  await shown.press("send");
  model.call("rain", { place: "Delft" }, "call-1");
  await shown.shows("pre", '[["rain","{\\"place\\":\\"Delft\\"}",null]]');
  model.end().say("Wet.").end();
  await shown.says("user: Hi", "assistant: ", "tool: Rain in Delft.", "assistant: Wet.");
  await shown.shows("pre", '[["rain","{\\"place\\":\\"Delft\\"}","Rain in Delft."]]');
});

it("shows a question, refuses another message meanwhile, and answers", async () => {
  const shown = open({ agent: "ask" });
  await shown.press("send");
  await shown.shows("b", "Shall I?");
  await shown.press("send");
  await shown.shows("u", "interrupt_pending");
  await shown.says("user: Hi");
  await shown.press("answer");
  await shown.says("user: Hi", "assistant: You said yes.");
  await shown.shows("b", "");
  await shown.shows("u", "none");
});

it("stops a run, and has nothing to stop after that", async () => {
  const shown = open();
  await shown.press("send");
  model.say("Once");
  await shown.says("user: Hi", "assistant: Once");
  await shown.press("stop");
  await shown.shows("i", "idle");
  await shown.says("user: Hi", "assistant: Once");
  await shown.press("stop");
  model.say("Again.").end();
  await shown.press("send");
  await shown.says("user: Hi", "assistant: Once", "user: Hi", "assistant: Again.");
  await shown.shows("u", "none");
});

it("sends a message into a run, which waits, and is taken", async () => {
  const shown = open({ agent: "takes" });
  const other = open({ agent: "takes" });
  await other.shows("s", "open");
  await shown.press("send");
  model.say("Ten dollars.");
  await shown.says("user: Hi", "assistant: Ten dollars.");
  await shown.press("inject");
  for (const page of [shown, other]) await page.shows("em", "Use euros: waiting");
  await shown.says("user: Hi", "assistant: Ten dollars.");
  model.end().say("Nine euros.").end();
  for (const page of [shown, other]) {
    await page.says("user: Hi", "assistant: Ten dollars.", "user: Use euros", "assistant: Nine euros.");
    await page.shows("em", "");
  }
  await shown.shows("i", "idle");
});

it("gets a message back that the run did not take", async () => {
  const shown = open();
  await shown.press("send");
  model.say("Ten");
  await shown.says("user: Hi", "assistant: Ten");
  await shown.press("inject");
  await shown.shows("em", "Use euros: waiting");
  model.end();
  await shown.shows("em", "Use euros: returned");
  await shown.says("user: Hi", "assistant: Ten");
  await shown.press("dismiss");
  await shown.shows("em", "");
});

it("starts a run with a message for a run where none is active", async () => {
  const shown = open();
  model.say("Noted.").end();
  await shown.press("inject");
  await shown.says("user: Use euros", "assistant: Noted.");
  await shown.shows("em", "");
  await shown.shows("u", "none");
});

it("shows the same in another page, and after a reload in the middle of an answer", async () => {
  const [first, second] = [open(), open()];
  await second.shows("s", "open");
  await first.press("send");
  model.say("Half");
  await first.says("user: Hi", "assistant: Half");
  await second.says("user: Hi", "assistant: Half");
  first.close();
  const reloaded = open();
  await reloaded.says("user: Hi", "assistant: Half");
  model.say(" and half.").end();
  for (const shown of [second, reloaded]) await shown.says("user: Hi", "assistant: Half and half.");
});

it("shows an open question after a reload", async () => {
  const first = open({ agent: "ask" });
  await first.press("send");
  await first.shows("b", "Shall I?");
  first.close();
  const reloaded = open({ agent: "ask" });
  await reloaded.shows("b", "Shall I?");
  await reloaded.press("answer");
  await reloaded.says("user: Hi", "assistant: You said yes.");
});

it("says when the connection was given up, and connects again when asked to", async () => {
  proxy.reachable = false;
  const shown = open({ backoff: { firstMs: 1, longestMs: 1, attempts: 2 } });
  await shown.shows("u", "unreachable");
  await shown.shows("s", "closed");
  proxy.reachable = true;
  shown.reconnect();
  await shown.shows("s", "open");
  await shown.shows("u", "none");
});
