/** The examples that are frontends: a person uses each, and the line between the page and the agent is cut. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterEach, expect, test } from "vitest";
import { browserForFile } from "../support/browser.ts";
import { type CutLine, cutLine } from "../support/cut-line.ts";
import { freePort } from "../support/free-port.ts";
import { EXAMPLES, examplesForFile } from "./example.ts";

const browser = browserForFile();
const start = examplesForFile();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await browser.leave();
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** The parts of coming back that a frontend's own library has. A reload shows the whole thread in each of them. */
const FRONTENDS = [
  { name: "react", continuesAfterCut: true, keepsQuestion: true },
  { name: "use-stream", continuesAfterCut: false, keepsQuestion: true },
  { name: "assistant-ui", continuesAfterCut: true, keepsQuestion: false },
];

test.each(FRONTENDS)("$name: chats, calls, asks, stops, comes back, and is accessible", async (frontend) => {
  const { name, continuesAfterCut, keepsQuestion } = frontend;
  const { url, line } = await served(name);
  const { page, allow } = await browser.visit(url);
  allow(/status of 404/); // a new thread has no history
  const log = page.getByRole("log", { name: "Conversation" });
  const button = (label: string) => page.getByRole("button", { name: label, exact: true });
  const ask = async (text: string) => {
    await button("Send").and(page.locator(":enabled")).or(button("Send")).waitFor();
    await page.getByRole("textbox", { name: "Message" }).fill(text);
    await button("Send").click();
  };

  await ask('What is the weather in "Oslo"?');
  await log.getByText(/Tool weather: .*Sunny in Oslo/).waitFor();
  await log.getByText(/\(demo model\)/).waitFor();

  await ask("Write a note: buy milk");
  await log.getByText("May I write the note").waitFor();
  if (keepsQuestion) await page.reload();
  await button("Approve").click();
  await log.getByText(/Tool write_note: Wrote: buy milk/).waitFor();

  await ask("Be slow");
  await button("Stop").click();
  await button("Send").waitFor();

  await ask("Who are you?");
  await log.getByText(/I am the demo model/).waitFor();
  allow(/WebSocket connection|Failed to load resource|ERR_/); // the line is cut now
  line.cut();
  if (!continuesAfterCut) await page.reload();
  await log.getByText(/I am the demo model.*start the server again\.$/s).waitFor();
  await button("Send").waitFor();

  await page.reload();
  await log.getByText(/Tool weather: .*Sunny in Oslo/).waitFor();
  await log.getByText(/I am the demo model.*start the server again\.$/s).waitFor();
  expect(await log.getByText(/I am the demo model/).count()).toBe(1);
  await expectAccessible(page);
});

test("each has the same graph as the servers", () => {
  const graphs = ["express", "react"].map((name) => readFileSync(join(EXAMPLES, name, "graph.mjs"), "utf8"));
  expect(new Set(graphs).size).toBe(1);
});

/** The example, with a line between its page and its agent that can be cut. */
async function served(name: string): Promise<{ url: string; line: CutLine }> {
  const [agent, page] = [await freePort(), await freePort()];
  const line = await cutLine(`http://127.0.0.1:${agent}`);
  closing.push(() => line.close());
  const env = { PORT: String(agent), PAGE_PORT: String(page), AGENT_URL: line.url };
  const started = await start(name, env, [/Local: +(http:\S+)/, /on http:\S+/]);
  return { url: started.url, line };
}

async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>("axe.run()");
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)).toEqual([]);
}
