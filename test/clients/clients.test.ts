/** Clients of every dialect, as they come from npm, each on a page in a real browser, against one Sluice. */
import { randomUUID } from "node:crypto";
import { type AIMessage, ToolMessage } from "@langchain/core/messages";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { browserForFile } from "../support/browser.ts";
import { type CutLine, cutLine } from "../support/cut-line.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { type PageServer, pageServer } from "./page-server.ts";

/** Each test has its own: no run of another test takes its words. */
let model: SteppedModel;

/** Answers, looks something up, and asks, as its model says. */
const graph = new StateGraph(MessagesAnnotation)
  .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
  .addNode("tools", ({ messages }) => {
    const calls = (messages.at(-1) as AIMessage).tool_calls ?? [];
    return {
      messages: calls.map(({ id, name }) => {
        const content = name === "ask" ? `You said ${interrupt({ message: "Go on?" })}` : "It is here.";
        return new ToolMessage({ tool_call_id: String(id), content });
      }),
    };
  })
  .addEdge(START, "chat")
  .addConditionalEdges("chat", ({ messages }) =>
    ((messages.at(-1) as AIMessage).tool_calls ?? []).length > 0 ? "tools" : END,
  )
  .addEdge("tools", "chat")
  .compile({ checkpointer: memory() });

const browser = browserForFile();
let sluice: TestSluice;
let line: CutLine;
let pages: PageServer;

beforeAll(async () => {
  const env = { LANGGRAPH_API: "true", AI_SDK_API: "true", ORPHAN_GRACE_SECONDS: "8" };
  sluice = await startSluice({ agent: { graph } }, env);
  line = await cutLine(sluice.url);
  pages = await pageServer();
});
afterAll(async () => {
  await pages.close();
  await line.close();
  await sluice.close();
});
beforeEach(() => {
  model = new SteppedModel();
});
afterEach(() => browser.leave());

/** A client on its page, as a person sees and uses it. */
async function open(client: string, thread: string) {
  const { page, allow } = await browser.visit(pages.page(client, { base: line.url, agent: "agent", thread }));
  // The agent has another address than the page; a new thread has no history; the line is cut on purpose.
  allow(
    /^(request|socket): |status of 404|WebSocket connection|Failed to load resource|ERR_|Failed to fetch|network error/i,
  );
  return seenOn(page);
}

function seenOn(page: Page) {
  const lines = page.getByRole("log", { name: "Conversation" }).getByRole("listitem");
  const button = (name: string) => page.getByRole("button", { name, exact: true });
  return {
    page,
    button,
    /** Waits until these are all the lines there are. */
    shows: (...wanted: string[]) => expect.poll(() => lines.allTextContents(), { timeout: 20_000 }).toEqual(wanted),
    async send(text: string) {
      await page.getByRole("textbox", { name: "Message" }).fill(text);
      await button("Send").click();
    },
    is: (status: "running" | "quiet") => page.getByRole("status").getByText(status, { exact: true }).waitFor(),
  };
}

interface Client {
  readonly name: string;
  /** A page can join a run that is under way. */
  readonly joins: boolean;
  /** The page goes on by itself after its line was cut; other clients' pages are reloaded. */
  readonly goesOnAfterCut?: boolean;
  /** A reload shows a question that is open. */
  readonly keepsQuestion?: boolean;
}

const CLIENTS: readonly Client[] = [
  { name: "http-agent", joins: false },
  { name: "http-agent-0.0.59", joins: false },
  { name: "use-stream", joins: true, goesOnAfterCut: true, keepsQuestion: true },
  { name: "use-stream-websocket", joins: true, goesOnAfterCut: true, keepsQuestion: true },
  { name: "use-stream-legacy", joins: true, goesOnAfterCut: true, keepsQuestion: true },
  { name: "use-chat", joins: true, keepsQuestion: true },
  { name: "copilotkit", joins: true, keepsQuestion: true },
  { name: "tanstack-sse", joins: true, goesOnAfterCut: true, keepsQuestion: true },
  { name: "tanstack-websocket", joins: true, goesOnAfterCut: true, keepsQuestion: true },
];

describe.each(CLIENTS)("$name", ({ name, joins, goesOnAfterCut, keepsQuestion }) => {
  test("chats, calls a tool, asks and is answered, stops, and shows it all again after a reload", async () => {
    const thread = randomUUID();
    const { page, shows, send, button, is } = await open(name, thread);
    await send("hi");
    model.say("Hel");
    await shows("user: hi", "assistant: Hel");
    model.say("lo").end();
    await shows("user: hi", "assistant: Hello");
    await is("quiet");

    model.call("look", { for: "it" }, "c1").end().say("Found.").end();
    await send("look");
    const looked = ["user: look", "call: look", "tool: It is here.", "assistant: Found."];
    await shows("user: hi", "assistant: Hello", ...looked);
    await is("quiet");

    model.call("ask", {}, "c2").end();
    await send("ask");
    await button("Yes").waitFor();
    if (keepsQuestion) await page.reload();
    model.say("Then go.").end();
    await button("Yes").click();
    const asked = ["user: ask", "call: ask", "tool: You said yes", "assistant: Then go."];
    await shows("user: hi", "assistant: Hello", ...looked, ...asked);
    await is("quiet");

    model.say("Never");
    await send("stop");
    await shows("user: hi", "assistant: Hello", ...looked, ...asked, "user: stop", "assistant: Never");
    await button("Stop").click();
    await is("quiet");
    // A client that only closes its response leaves the run to its grace.
    await expect.poll(() => sluice.runs.activeCount, { timeout: 30_000 }).toBe(0);

    await page.reload();
    await shows("user: hi", "assistant: Hello", ...looked, ...asked, "user: stop", "assistant: Never");
  });

  test("loses no word, and doubles none, when the wire is cut in mid-answer", async () => {
    const { page, shows, send, is } = await open(name, randomUUID());
    await send("count");
    model.say("one ", "two ");
    await shows("user: count", "assistant: one two ");
    line.cut();
    model.say("three ");
    if (joins) {
      if (!goesOnAfterCut) await page.reload();
      await shows("user: count", "assistant: one two three ");
    }
    model.say("four").end();
    if (!joins) {
      await expect.poll(() => sluice.runs.activeCount, { timeout: 30_000 }).toBe(0);
      await page.reload();
    }
    await shows("user: count", "assistant: one two three four");
    await is("quiet");
  });
});

test("tabs with five client libraries on one run show the same words", async () => {
  const thread = randomUUID();
  const first = await open("use-stream", thread);
  await first.send("hi");
  model.say("The same ");
  await first.shows("user: hi", "assistant: The same ");
  const others = [];
  for (const client of ["use-chat", "copilotkit", "tanstack-sse", "event-source"]) {
    others.push(await open(client, thread));
  }
  for (const tab of [first, ...others]) await tab.shows("user: hi", "assistant: The same ");
  model.say("words ", "for all.").end();
  for (const tab of [first, ...others]) {
    await tab.shows("user: hi", "assistant: The same words for all.");
    await tab.is("quiet");
  }
});
