/** A Chromium for test files, with pages that record every problem. */

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { beforeAll, expect } from "vitest";
import { launch } from "./chromium.ts";

/**
 * The longest wait for something on a page, in milliseconds. It is long enough for a machine that is busy with other
 * tests.
 */
const PATIENCE_MS = 40_000;

export interface Visit {
  readonly page: Page;
  /** Console errors, uncaught errors, violations of the policy, and requests to other hosts than the server. */
  readonly problems: string[];
  /** Ignores problems that a test causes on purpose, also earlier ones. */
  allow(problem: RegExp): void;
}

/**
 * The browser of this worker, for all its test files: a start of Chromium costs more than many a test. It ends with the
 * worker, because it reads from a pipe of it.
 */
let launched: Promise<Browser> | undefined;

async function browserOfWorker(): Promise<Browser> {
  launched ??= launch();
  const browser = await launched;
  if (browser.isConnected()) return browser;
  launched = launch(); // It ended with a fault in an earlier file.
  return launched;
}

/** Returns ways to open pages for a test file. */
export function browserForFile() {
  let browser: Browser;
  const visits: Visit[] = [];

  beforeAll(async () => {
    browser = await browserOfWorker();
  });

  return {
    /** Opens `url` in a new context, without stored data. */
    async visit(url: string, options: BrowserContextOptions = {}): Promise<Visit> {
      const context = await browser.newContext({ viewport: { width: 1_280, height: 800 }, ...options });
      context.setDefaultTimeout(PATIENCE_MS);
      const visit = await open(await context.newPage(), url);
      visits.push(visit);
      return visit;
    },
    /** Opens another page of the same person. */
    async another({ page }: Pick<Visit, "page">, url: string): Promise<Visit> {
      const visit = await open(await page.context().newPage(), url);
      visits.push(visit);
      return visit;
    },
    /** Closes every page, and fails if one of them had a problem. */
    async leave(): Promise<void> {
      const contexts = new Set(visits.map(({ page }) => page.context()));
      const problems = visits.splice(0).flatMap((visit) => visit.problems);
      await Promise.all([...contexts].map((context) => context.close()));
      expect(problems).toEqual([]);
    },
  };
}

async function open(page: Page, url: string): Promise<Visit> {
  const problems: string[] = [];
  const allowed: RegExp[] = [];
  const note = (problem: string) => {
    if (!allowed.some((pattern) => pattern.test(problem))) problems.push(problem);
  };
  const { host } = new URL(url);
  page.on("console", (message) => {
    if (message.type() === "error") note(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => note(`uncaught: ${error.message}`));
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (/^(https?|wss?):$/.test(target.protocol) && target.host !== host) note(`request: ${target.href}`);
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== host) note(`socket: ${socket.url()}`);
  });
  // Some violations are reported without a console line, such as those of a report-only policy.
  await page.addInitScript(`document.addEventListener("securitypolicyviolation", (event) =>
    console.error("policy: " + event.violatedDirective + " " + event.blockedURI));`);
  await page.goto(url);
  return {
    page,
    problems,
    allow(problem) {
      allowed.push(problem);
      problems.splice(0, problems.length, ...problems.filter((noted) => !problem.test(noted)));
    },
  };
}
