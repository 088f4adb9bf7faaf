/** `npm run example NAME`, as the examples' READMEs say it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, expect, test } from "vitest";

const TIMEOUT_MS = 300_000;

const children = new Set<ChildProcess>();
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.pid === undefined) continue;
    const closed = once(child, "close");
    process.kill(-child.pid, "SIGKILL");
    await closed;
  }
});

function example(...names: string[]): ChildProcess {
  const env = { ...process.env, PORT: "0", NO_COLOR: "1" };
  // In a group of its own: npm does not pass signals on to all that it starts.
  const child = spawn(process.execPath, ["scripts/example.mjs", ...names], { env, detached: true });
  children.add(child);
  return child;
}

/** Its output until that matches, or until it ends. */
async function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  let out = "";
  await new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (text: Buffer) => {
        out += text.toString();
        if (pattern.test(out)) resolve();
      });
    }
    child.once("close", () => resolve());
  });
  return out;
}

test("installs an example with this Sluice, and starts it", { timeout: TIMEOUT_MS }, async () => {
  const out = await printed(example("hono"), /Open http:\S+/);
  const [, url = ""] = /Open (http:\S+)/.exec(out) ?? [];
  if (!url) throw new Error(`It did not start:\n${out}`);
  expect((await fetch(`${url}/ai/agui/info`)).status).toBe(200);
});

test("without a name, or with one that there is not, lists those there are", async () => {
  for (const names of [[], ["nuxt"]]) {
    const child = example(...names);
    expect(await printed(child, /^$/)).toMatch(/Which example\? There are .*copilotkit-next.*hono/);
    expect(child.exitCode).toBe(2);
  }
});
