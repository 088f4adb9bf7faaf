/** The playground in a real browser with a real Sluice. Its parts are found by their accessible names. */

import type { BrowserContextOptions, Locator } from "playwright-core";
import { afterEach, expect } from "vitest";
import { browserForFile, type Visit } from "../support/browser.ts";
import { builtPlayground } from "../support/chromium.ts";
import { startSluice, type TestAgent, type TestSluice } from "../support/sluice.ts";

/** Runs continue while their page is away for a short time. */
const PATIENT = { ORPHAN_GRACE_SECONDS: "60" };

/**
 * Makes pages and servers for a test file. After each test the pages are closed, and fail the test if they had a
 * problem.
 */
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
    /** Opens the same thread on another page of the same person. */
    async another(first: Playground): Promise<Playground> {
      return arrived(await browser.another(first, first.page.url()));
    },
    /** Registers a function that runs after the test. */
    closes(close: () => Promise<void>): void {
      closing.push(close);
    },
  };
}

/** Waits until a page knows the agents and the thread's state, and returns its playground. */
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

  /** Waits until no run is active. */
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
    /** The summary of a tool's card. */
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
    /** Waits until the last answer is finished and is exactly `text`. */
    async answered(text: string | RegExp): Promise<void> {
      const last = conversation.locator('article[aria-label="Answer"][aria-busy="false"]').last();
      await shows(last.locator(".markdown"), text);
      await quiet();
    },
    /** Waits until the last answer contains this text. */
    async answering(text: string): Promise<void> {
      await answers.last().filter({ hasText: text }).waitFor();
    },
    async chooseTransport(name: string): Promise<void> {
      await openHood();
      await hood.getByRole("radio", { name, exact: true }).check();
      await page.locator(".line.open").waitFor();
    },
    /** Cuts the line, and waits until the panel reports it. */
    async cutTheWire(): Promise<void> {
      await hood.getByRole("button", { name: "Cut the wire" }).click();
      await hood.getByText("The connection is lost.").waitFor();
    },
    /** Checks that nothing is wider than the page. */
    async staysInside(): Promise<void> {
      const [width, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(width).toBeLessThanOrEqual(inner ?? 0);
    },
  };
}

/** Waits until an element's whole text is `text`, or matches it. */
export async function shows(element: Locator, text: string | RegExp): Promise<void> {
  const whole = typeof text === "string" ? new RegExp(`^\\s*${escaped(text)}\\s*$`) : text;
  await element.filter({ hasText: whole }).waitFor();
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&").replace(/\s+/g, "\\s+");
}
