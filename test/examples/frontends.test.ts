/** The examples that are frontends: a person uses each, and the line between the page and the agent is cut. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { afterEach, expect, test, vi } from "vitest";
import { expectAccessible } from "../support/accessible.ts";
import { browserForFile } from "../support/browser.ts";
import { type CutLine, cutLine } from "../support/cut-line.ts";
import { freePort } from "../support/free-port.ts";
import { EXAMPLES, examplesForFile } from "./example.ts";

const start = examplesForFile(); // First, so that the pages are closed before the servers end.
const browser = browserForFile();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await browser.leave();
  await Promise.all(closing.splice(0).map((close) => close()));
});

interface Frontend {
  readonly name: string;
  readonly continuesAfterCut: boolean;
  /** The agent runs in the page's own server. */
  readonly oneServer?: boolean;
}

/**
 * How each frontend recovers after a cut between its agent and the server of its page. A reload shows the whole thread in
 * all of them. `useStream` does not see this cut: Vite's server keeps its response open.
 */
const FRONTENDS: readonly Frontend[] = [
  { name: "react", continuesAfterCut: true },
  { name: "vanilla", continuesAfterCut: true },
  { name: "use-stream", continuesAfterCut: false },
  { name: "assistant-ui", continuesAfterCut: true },
  { name: "copilotkit-next", continuesAfterCut: false, oneServer: true },
];

/** Next.js compiles all of CopilotKit for the first page, which takes minutes on a busy machine. */
const TIMEOUT_MS = 600_000;

/** The wait for a page that accepts input. */
const PATIENCE = { timeout: 120_000, interval: 500 };

test.each(FRONTENDS)(
  "$name: chats, calls, asks, stops, comes back, and is accessible",
  { timeout: TIMEOUT_MS },
  async (frontend) => {
    const { continuesAfterCut } = frontend;
    const { url, line } = await served(frontend);
    // A server that compiles its pages and routes does so now.
    for (const path of ["", "ai/agui/info"]) await (await fetch(new URL(path, url))).text();
    const { page, allow } = await browser.visit(url, { viewport: { width: 900, height: 420 } });
    allow(/status of 404/); // a new thread has no history
    // CopilotKit asks again. Next.js compiles the route a second time for the first page.
    if (frontend.oneServer) allow(/Runtime did not answer within 5000ms/);
    const log = page.getByRole("log", { name: "Conversation" });
    const button = (label: string) => page.getByRole("button", { name: label, exact: true });
    // React writes what is in a box into its element too.
    const asked = (text: string) => log.getByText(text, { exact: true }).and(page.locator(":not(textarea)"));
    const ask = async (text: string, answer: Locator) => {
      await button("Send").waitFor();
      const sent = asked(text).last();
      // A page that is still being compiled may begin anew, and forget what was written.
      await vi.waitFor(async () => {
        if (!(await sent.isVisible())) {
          const box = page.getByRole("textbox", { name: "Message" });
          await box.fill(""); // Text from before React was there counts as no change when it is filled in again.
          await box.fill(text);
          await button("Send").click({ timeout: 2_000 });
        }
        await answer.waitFor({ timeout: 10_000 });
      }, PATIENCE);
    };

    // Its paragraphs may be elements of their own.
    const introduced = () => log.filter({ hasText: /I am the demo model.*start the server again\./s }).waitFor();

    const weather = 'What is the weather in "Oslo"?';
    const result = log.getByText(/Tool weather: .*Sunny in Oslo/);
    await ask(weather, result.last());
    await log
      .getByText(/\(demo model\)/)
      .last()
      .waitFor();

    await ask("Write a note: buy milk", log.getByText("May I write the note").last());
    await page.reload();
    await button("Approve").click();
    await log.getByText(/Tool write_note: Wrote: buy milk/).waitFor();

    await ask("Be slow", button("Stop"));
    await button("Stop").click();
    await button("Send").waitFor();

    const answer = log.getByText(/I am the demo model/);
    await ask("Who are you?", answer);
    allow(/WebSocket connection|Failed to load resource|ERR_|network error|CLOSING or CLOSED/); // the line is cut now
    line.cut();
    if (!continuesAfterCut) await page.reload();
    await introduced();
    await button("Send").waitFor();

    await page.reload();
    await introduced();
    expect(await answer.count()).toBe(1);
    // The page that began anew may have asked twice.
    expect(await result.count()).toBe(await asked(weather).count());
    await ask("Who are you, once more?", answer.nth(1));
    await button("Send").waitFor();
    await expect.poll(() => answer.nth(1).evaluate(inSight)).toBe(true);
    await expectAccessible(page);
    await page.emulateMedia({ colorScheme: "dark" });
    await expectAccessible(page);
  },
);

test("each has the same graph as the servers, and those of Vite one look", () => {
  const contents = (names: readonly string[], file: string) =>
    new Set(names.map((name) => readFileSync(join(EXAMPLES, name, file), "utf8")));
  const names = FRONTENDS.map(({ name }) => name);
  expect(contents(["express", ...names], "graph.mjs").size).toBe(1);
  const vite = names.filter((name) => existsSync(join(EXAMPLES, name, "vite.config.js")));
  expect(vite).toHaveLength(4);
  expect(contents(vite, "src/style.css").size).toBe(1);
});

/** The example, with a line between its page and its agent that can be cut. */
async function served({ name, oneServer }: Frontend): Promise<{ url: string; line: CutLine }> {
  if (oneServer) {
    const { url } = await start(name, {}, [/Local: +(http:\S+)/, /Ready in/]);
    const line = await cutLine(url);
    closing.push(() => line.close());
    return { url: line.url, line };
  }
  const [agent, page] = [await freePort(), await freePort()];
  const line = await cutLine(`http://127.0.0.1:${agent}`);
  closing.push(() => line.close());
  const env = { PORT: String(agent), PAGE_PORT: String(page), AGENT_URL: line.url };
  const started = await start(name, env, [/Local: +(http:\S+)/, /on http:\S+/]);
  return { url: started.url, line };
}

/** Runs in the page. */
function inSight(element: Element): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}
