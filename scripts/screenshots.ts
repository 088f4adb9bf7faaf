/** `npm run screenshots`: writes pictures of the playground's main views, with the demo model, to docs/images. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { appFromConfig } from "../src/app/from-config.ts";
import { loadConfig } from "../src/config/config.ts";
import { createLogger } from "../src/ops/logger.ts";
import { launch } from "../test/support/chromium.ts";
import { withPalette } from "./screenshots/palette.ts";
import { ROOT } from "./setup.mjs";

const IMAGES = join(ROOT, "docs", "images");

interface View {
  readonly name: string;
  readonly options: BrowserContextOptions;
  /** Prepares the page for the picture. */
  readonly stage: (page: Page) => Promise<void>;
}

const DESK: BrowserContextOptions = { viewport: { width: 1_200, height: 750 }, colorScheme: "light" };
const WIDE: BrowserContextOptions = { viewport: { width: 1_400, height: 875 }, colorScheme: "light" };
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 780 },
  isMobile: true,
  hasTouch: true,
  colorScheme: "light",
};

const VIEWS: readonly View[] = [
  {
    name: "chat",
    options: DESK,
    async stage(page) {
      await ask(page, "Please think: what is 12 * 7?");
      await answered(page);
      await page.getByText(/^Thought for /).click();
      await page.locator("summary", { hasText: "Tool " }).first().click();
    },
  },
  {
    name: "under-the-hood",
    options: WIDE,
    async stage(page) {
      await choose(page, "researcher");
      await ask(page, "How does a canal lock lift a boat?");
      await page.locator(".answer", { hasText: /\w+ \w+ \w+ \w+/ }).waitFor();
      await page.getByRole("button", { name: "Cut the wire" }).click();
      await page.getByText(/^Back in /).waitFor();
      await answered(page);
      await page.getByText(/^The run is whole/).waitFor();
    },
  },
  {
    name: "approvals",
    options: DESK,
    async stage(page) {
      await choose(page, "approvals");
      await ask(page, "Write a note: buy milk");
      await page.getByRole("button", { name: "Edit", exact: true }).click();
    },
  },
  {
    name: "portfolio",
    options: DESK,
    async stage(page) {
      await choose(page, "portfolio");
      await ask(page, "AAPL 10 @ 180, now 210; 5000 USD cash; 30% bonds");
      await answered(page);
      await page.getByText(/^\d+ steps/).click();
    },
  },
  {
    name: "dark",
    options: { ...DESK, colorScheme: "dark" },
    async stage(page) {
      await choose(page, "researcher");
      await ask(page, "Why are there two tides a day?");
      await answered(page);
    },
  },
  {
    name: "phone",
    options: PHONE,
    async stage(page) {
      await ask(page, "Please think: what time is it in Tokyo?");
      await answered(page);
    },
  },
];

async function choose(page: Page, agent: string): Promise<void> {
  await page.getByRole("combobox", { name: "Agent" }).selectOption(agent);
}

async function ask(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message", exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

async function answered(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Another answer" }).waitFor();
}

async function take(browser: Browser, url: string, { name, options, stage }: View): Promise<void> {
  const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(url);
  await stage(page);
  // Removes the pointer's effects and the caret from the picture.
  await page.mouse.move(0, 0);
  await page.evaluate("document.activeElement?.blur()");
  const file = join(IMAGES, `${name}.png`);
  writeFileSync(file, withPalette(await page.screenshot({ animations: "disabled" })));
  console.log(`docs/images/${name}.png: ${Math.round(statSync(file).size / 1_000)} kB`);
  await context.close();
}

const data = mkdtempSync(join(tmpdir(), "sluice-screenshots-"));
try {
  const env = { PORT: "0", LOG_LEVEL: "error", MODEL: "demo", DATA_DIR: data, DEMO_TOKENS_PER_SECOND: "80" };
  Object.assign(process.env, env); // the agents' graphs read it too
  const app = await appFromConfig(
    loadConfig({ cwd: data, packageRoot: ROOT }),
    ROOT,
    "screenshots",
    createLogger("error"),
  );
  const url = await app.listen();
  const browser = await launch();
  try {
    mkdirSync(IMAGES, { recursive: true });
    for (const view of VIEWS) await take(browser, url, view);
  } finally {
    await browser.close();
    await app.close();
  }
} finally {
  rmSync(data, { recursive: true, force: true });
}
