/** Starts a real Chromium, and finds the built page. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Browser, chromium } from "playwright-core";

/** No requests of its own, such as updates and reports, and no sandbox, because a container may not support one. */
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

/** Returns the folder of the page that `npm run build` makes. */
export function builtPlayground(): string {
  const folder = resolve("dist", "playground");
  if (!existsSync(folder)) throw new Error("There is no built playground. Run `npm run build` first.");
  return folder;
}
