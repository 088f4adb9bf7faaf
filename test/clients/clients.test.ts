/** Clients of every dialect, in the versions from npm. Each runs on a page in a real browser against one Sluice. */
import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { browserForFile } from "../support/browser.ts";
import { type CutLine, cutLine } from "../support/cut-line.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { lookingGraph } from "./graph.ts";
import { CLIENTS, type Place } from "./list.ts";
import { type PageServer, pageServer } from "./page-server.ts";
import { startRuntime } from "./runtime.ts";

/** Each test has its own model, so that no run of another test takes its words. */
let model: SteppedModel;

const graph = lookingGraph(() => model);
const browser = browserForFile();
/** Of the agent that carries out no tools itself. */
const spoken = new SteppedModel();
/** A page with CopilotKit takes seconds to load on a busy machine, and the run has no follower until then. */
const GRACE_SECONDS = 20;
let sluice: TestSluice;
let runtime: Awaited<ReturnType<typeof startRuntime>>;
/** From the pages to the Sluice, and to CopilotKit's runtime before it; and between that and the Sluice. */
let lines: Readonly<Record<"sluice" | "runtime" | "between", CutLine>>;
let pages: PageServer;

beforeAll(async () => {
  const env = { LANGGRAPH_API: "true", AI_SDK_API: "true", ORPHAN_GRACE_SECONDS: String(GRACE_SECONDS) };
  sluice = await startSluice({ agent: { graph }, plain: { graph: chatGraph(spoken) } }, env);
  const between = await cutLine(sluice.url);
  runtime = await startRuntime(between.url);
  lines = { sluice: await cutLine(sluice.url), runtime: await cutLine(runtime.url), between };
  pages = await pageServer();
});
afterAll(async () => {
  await pages.close();
  await Promise.all(Object.values(lines).map((line) => line.close()));
  runtime.close();
  await sluice.close();
});
beforeEach(() => {
  model = new SteppedModel();
});
afterEach(() => browser.leave());

/** Opens a client's page, and returns the ways in which a person uses it. */
async function open({ page: client, agent = "agent", line = "sluice", order }: Place, thread: string) {
  const { page, allow } = await browser.visit(pages.page(client, { base: lines[line].url, agent, thread }));
  // These errors are expected: the agent has another origin, a new thread has no history, and the line is cut on
  // purpose.
  allow(
    /^(request|socket): |status of 404|WebSocket connection|Failed to load resource|ERR_|Failed to fetch|network error|Error: terminated/i,
  );
  return seenOn(page, order);
}

function seenOn(page: Page, order: Place["order"]) {
  const ordered = (list: string[]) => (order === "mixed" ? list.sort() : list);
  const lines = page.getByRole("log", { name: "Conversation" }).getByRole("listitem");
  const button = (name: string) => page.getByRole("button", { name, exact: true });
  return {
    page,
    button,
    /** Waits until the page shows exactly these lines. */
    shows: (...wanted: string[]) =>
      expect.poll(async () => ordered(await lines.allTextContents()), { timeout: 20_000 }).toEqual(ordered(wanted)),
    async send(text: string) {
      await page.getByRole("textbox", { name: "Message" }).fill(text);
      await button("Send").click();
    },
    is: (status: "running" | "quiet") => page.getByRole("status").getByText(status, { exact: true }).waitFor(),
  };
}

describe.each(CLIENTS)("$name", ({ stop, question, cut, ...place }) => {
  test("chats, calls a tool, asks and is answered, stops, and shows it all again after a reload", async () => {
    const thread = randomUUID();
    const { page, shows, send, button, is } = await open(place, thread);
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
    if (question === "shown") await page.reload();
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
    // If a client only closes its response, the run ends after its grace period.
    const timeout = stop === "at once" ? GRACE_SECONDS * 750 : 30_000;
    await expect.poll(() => sluice.runs.activeCount, { timeout }).toBe(0);

    await page.reload();
    await shows("user: hi", "assistant: Hello", ...looked, ...asked, "user: stop", "assistant: Never");
  });

  test("loses no word, and doubles none, when the wire is cut in mid-answer", async () => {
    const { page, shows, send, is } = await open(place, randomUUID());
    await send("count");
    model.say("one ", "two ");
    await shows("user: count", "assistant: one two ");
    lines[place.line ?? "sluice"].cut();
    model.say("three ");
    if (cut === "goes on after a reload") await page.reload();
    if (cut.startsWith("goes on")) await shows("user: count", "assistant: one two three ");
    model.say("four").end();
    if (!cut.startsWith("goes on")) {
      await expect.poll(() => sluice.runs.activeCount, { timeout: 30_000 }).toBe(0);
      await page.reload();
    }
    await shows("user: count", "assistant: one two three four");
    await is("quiet");
  });
});

test("TanStack AI's `useChat` carries out a tool of its page", async () => {
  const { shows, send, is } = await open({ page: "tanstack-tools", agent: "plain" }, randomUUID());
  spoken.call("paint", {}, "c1").end().say("Painted.").end();
  await send("paint it");
  await shows("user: paint it", "call: paint", "tool: It is painted.", "assistant: Painted.");
  await is("quiet");
  expect(spoken.prompts.at(-1)).toEqual(["paint it", "", "It is painted."]);
});

test("tabs with five client libraries on one run show the same words", async () => {
  const thread = randomUUID();
  const first = await open({ page: "use-stream" }, thread);
  await first.send("hi");
  model.say("The same ");
  await first.shows("user: hi", "assistant: The same ");
  const others = [];
  for (const page of ["use-chat", "copilotkit", "tanstack-sse", "event-source"]) {
    others.push(await open({ page }, thread));
  }
  for (const tab of [first, ...others]) await tab.shows("user: hi", "assistant: The same ");
  model.say("words ", "for all.").end();
  for (const tab of [first, ...others]) {
    await tab.shows("user: hi", "assistant: The same words for all.");
    await tab.is("quiet");
  }
});

describe("a cut between CopilotKit's runtime and the Sluice, in mid-answer", () => {
  const whole = ["user: count", "assistant: one two three "];
  test.each([
    { through: "HttpAgent", agent: "agent", shown: ["user: count", "assistant: one two "] },
    { through: "LangGraphAgent", agent: "langgraph", shown: whole },
  ])("loses no word of the thread, through $through", async ({ agent, shown }) => {
    const thread = randomUUID();
    const { page, shows, send, is } = await open({ page: "copilotkit", line: "runtime", agent }, thread);
    await send("count");
    model.say("one ", "two ");
    await shows("user: count", "assistant: one two ");
    lines.between.cut();
    if (agent === "agent") await is("quiet");
    model.say("three ").end();
    await expect.poll(() => sluice.runs.activeCount, { timeout: 30_000 }).toBe(0);
    await shows(...shown);
    await is("quiet");
    model.say("Still here.").end();
    await send("go on");
    const next = ["user: go on", "assistant: Still here."];
    await shows(...shown, ...next);
    await page.reload();
    await shows(...shown, ...next);
    const answer = await fetch(`${sluice.url}/threads/${thread}/messages`);
    const { messages } = (await answer.json()) as { messages: { role: string; content: string }[] };
    expect(messages.map(({ role, content }) => `${role}: ${content}`)).toEqual([...whole, ...next]);
  });
});
