/**
 * `npm run screenshots:examples`: starts and uses each example, and writes its picture to docs/images; `-- NAME` for
 * one example.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch } from "../../test/support/chromium.ts";
import { freePort } from "../../test/support/free-port.ts";
import { examples, ROOT } from "../setup.mjs";
import { withPalette } from "./palette.ts";

/** Next.js needs time to compile CopilotKit for its first page. */
const PATIENCE_MS = 300_000;

const [only] = process.argv.slice(2);
const browser = await launch();
try {
  for (const { name } of examples()) if (only === undefined || name === only) await take(name);
} finally {
  await browser.close();
}

async function take(name: string): Promise<void> {
  const [agent, vite] = [await freePort(), await freePort()];
  const child = spawn("npm", ["start"], {
    cwd: join(ROOT, "examples", name),
    // npm needs the whole environment.
    env: { ...process.env, PORT: String(agent), PAGE_PORT: String(vite), NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" },
    detached: true, // in its own process group, so that its children end with it
  });
  try {
    const [url, ready] = await started(child);
    await ready;
    const context = await browser.newContext({ viewport: { width: 900, height: 560 }, colorScheme: "light" });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    await page.goto(url);
    const signIn = page.getByRole("button", { name: "Sign in" });
    const message = page.getByRole("textbox", { name: "Message", exact: true });
    await signIn.or(message).waitFor();
    if (await signIn.isVisible()) {
      await page.getByLabel("Name").fill("Ann");
      await signIn.click();
    }
    const ask = async (text: string) => {
      await message.and(page.locator(":enabled")).waitFor();
      await message.fill(text);
      await page.getByRole("button", { name: "Send", exact: true }).click();
    };
    await ask('What is the weather in "Oslo"?');
    await page.getByText("(demo model)").first().waitFor();
    await page.getByRole("button", { name: "Send", exact: true }).waitFor();
    await ask("Write a note: buy milk");
    await page.getByRole("button", { name: "Approve" }).waitFor();
    await page.mouse.move(0, 0);
    const file = join(ROOT, "docs", "images", `example-${name}.png`);
    writeFileSync(file, withPalette(await page.screenshot({ animations: "disabled" })));
    console.log(`docs/images/example-${name}.png: ${Math.round(statSync(file).size / 1_000)} kB`);
    await context.close();
  } finally {
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await once(child, "close");
  }
}

/**
 * Returns the page's address, and a promise that resolves when the agent listens too. A server that includes the page
 * prints one line for both.
 */
function started(child: ChildProcess): Promise<[url: string, ready: Promise<void>]> {
  let out = "";
  let listens = () => {};
  const ready = new Promise<void>((resolve) => (listens = resolve));
  return new Promise((resolve, reject) => {
    child.once("close", () => reject(new Error(`It ended:\n${out}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (text: Buffer) => {
        out += text.toString();
        const [, url] = /(?:Local: +|Open )(http:\S+)/.exec(out) ?? [];
        if (url) resolve([url, ready]);
        if (/ on http:\S+|Ready in|Open http:/.test(out)) listens();
      });
    }
  });
}
