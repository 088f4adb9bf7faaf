/** A real Chromium, with pages that note down whatever a page should not do. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect } from "@jest/globals";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Nothing of its own may go out: neither updates nor reports, and no sandbox where a container has none. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM_PATH || "/usr/bin/chromium", args: FLAGS });
}

/** The page as `npm run build` makes it. */
export function builtPlayground(): string {
  const folder = resolve("dist", "playground");
  if (!existsSync(folder)) throw new Error("There is no built playground. Run `npm run build` first.");
  return folder;
}

export interface Visit {
  readonly page: Page;
  /** Console errors, uncaught errors, violations of the policy, and requests to anybody but the server. */
  readonly problems: string[];
}

/** One browser for a test file. */
export function browserForFile() {
  let browser: Browser;
  const visits: Visit[] = [];

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
  });

  return {
    /** Opens `url` as a new person would, with nothing remembered. */
    async visit(url: string, options: BrowserContextOptions = {}): Promise<Visit> {
      const context = await browser.newContext({ viewport: { width: 1_280, height: 800 }, ...options });
      context.setDefaultTimeout(10_000);
      const visit = await open(await context.newPage(), url);
      visits.push(visit);
      return visit;
    },
    /** Another page of the same person. */
    async another({ page }: Visit, url: string): Promise<Visit> {
      const visit = await open(await page.context().newPage(), url);
      visits.push(visit);
      return visit;
    },
    /** Closes every page; none of them may have done what it should not. */
    async leave(): Promise<void> {
      const problems = visits.flatMap((visit) => visit.problems);
      const contexts = new Set(visits.splice(0).map(({ page }) => page.context()));
      await Promise.all([...contexts].map((context) => context.close()));
      expect(problems).toEqual([]);
    },
  };
}

async function open(page: Page, url: string): Promise<Visit> {
  const problems: string[] = [];
  const { host } = new URL(url);
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (/^(https?|wss?):$/.test(target.protocol) && target.host !== host) problems.push(`request: ${target.href}`);
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== host) problems.push(`socket: ${socket.url()}`);
  });
  // Some violations are reported without a console line, such as those of a report-only policy.
  await page.addInitScript(`document.addEventListener("securitypolicyviolation", (event) =>
    console.error("policy: " + event.violatedDirective + " " + event.blockedURI));`);
  await page.goto(url);
  return { page, problems };
}
