/** The playground in a real browser, before a real Sluice: its parts by the names that everybody knows them by. */

import type { BrowserContextOptions, Locator } from "playwright-core";
import { afterEach, expect } from "vitest";
import { browserForFile, type Visit } from "../support/browser.ts";
import { builtPlayground } from "../support/chromium.ts";
import { startSluice, type TestAgent, type TestSluice } from "../support/sluice.ts";

/** Runs outlive the pages that leave them for a moment. */
const PATIENT = { ORPHAN_GRACE_SECONDS: "60" };

/** Pages and servers for a test file. After each test the pages are closed, and none may have had a problem. */
export function playgroundForFile() {
  const browser = browserForFile();
  const closing: (() => Promise<void>)[] = [];

  afterEach(async () => {
    try {
      await browser.leave();
    } finally {
      await Promise.all(closing.splice(0).map((close) => close()));
    }
  });

  const visit = async (url: string, options?: BrowserContextOptions) => arrived(await browser.visit(url, options));
  const serve = async (agents: Record<string, TestAgent>, env: Record<string, string> = {}): Promise<TestSluice> => {
    const sluice = await startSluice(agents, { ...PATIENT, ...env }, { playground: builtPlayground() });
    closing.push(() => sluice.close());
    return sluice;
  };
  return {
    browser,
    serve,
    visit,
    /** Starts a server for `agents`, and opens its page. */
    async open(agents: Record<string, TestAgent>, options?: BrowserContextOptions): Promise<Playground> {
      return visit((await serve(agents)).url, options);
    },
    /** The same person opens the same thread once more. */
    async another(first: Playground): Promise<Playground> {
      return arrived(await browser.another(first, first.page.url()));
    },
    /** Has something done when the test is over. */
    closes(close: () => Promise<void>): void {
      closing.push(close);
    },
  };
}

/** The playground on a page that has come to it, once the agents are known, and so is where the thread stands. */
export async function arrived(opened: Visit): Promise<Playground> {
  await opened.page
    .getByRole("textbox", { name: "Message", exact: true })
    .and(opened.page.locator(":enabled"))
    .waitFor();
  return playground(opened);
}

export type Playground = ReturnType<typeof playground>;

function playground({ page, allow }: Visit) {
  const conversation = page.getByRole("region", { name: "Conversation", exact: true });
  const answers = conversation.getByRole("article", { name: "Answer", exact: true });
  const hood = page.getByRole("complementary", { name: "Under the hood" });
  const events = hood.getByRole("grid", { name: "Events" });
  const message = page.getByRole("textbox", { name: "Message", exact: true });
  const button = (name: string) => page.getByRole("button", { name, exact: true });

  /** Waits until nothing runs. */
  const quiet = () => button("Send").waitFor();
  /** Opens the panel, if it is closed. */
  const openHood = async () => {
    if (!(await hood.isVisible())) await button("Under the hood").click();
    await events.waitFor();
  };
  return {
    page,
    allow,
    message,
    conversation,
    answers,
    asked: conversation.getByRole("article", { name: "You", exact: true }),
    /** The head of a tool's card. */
    tool: (name: string, state = "finished") =>
      conversation.locator("summary").filter({ hasText: `Tool ${name}, ${state}` }),
    threads: page.getByRole("navigation", { name: "Conversations" }).getByRole("listitem"),
    said: page.getByRole("log", { name: "Announcements" }),
    hood,
    events,
    button,
    quiet,
    openHood,
    /** Writes a message and sends it. */
    async ask(text: string): Promise<void> {
      await message.fill(text);
      await message.press("Enter");
    },
    /** Waits until the last answer is `text` and nothing else, and finished. */
    async answered(text: string | RegExp): Promise<void> {
      const last = conversation.locator('article[aria-label="Answer"][aria-busy="false"]').last();
      await shows(last.locator(".markdown"), text);
      await quiet();
    },
    /** Waits until the last answer so far has this text in it. */
    async answering(text: string): Promise<void> {
      await answers.last().filter({ hasText: text }).waitFor();
    },
    async chooseTransport(name: string): Promise<void> {
      await openHood();
      await hood.getByRole("radio", { name, exact: true }).check();
      await page.locator(".line.open").waitFor();
    },
    /** Drops the line, and waits until the panel says that it is gone. */
    async cutTheWire(): Promise<void> {
      await hood.getByRole("button", { name: "Cut the wire" }).click();
      await hood.getByText("The line is gone.").waitFor();
    },
    /** Nothing sticks out at the side. */
    async staysInside(): Promise<void> {
      const [width, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(width).toBeLessThanOrEqual(inner ?? 0);
    },
  };
}

/** Waits until an element's text is `text`, all of it, or matches. */
export async function shows(element: Locator, text: string | RegExp): Promise<void> {
  const whole = typeof text === "string" ? new RegExp(`^\\s*${escaped(text)}\\s*$`) : text;
  await element.filter({ hasText: whole }).waitFor();
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&").replace(/\s+/g, "\\s+");
}
