/** A real Chromium, and the page that it is to show. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Browser, chromium } from "playwright-core";

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
