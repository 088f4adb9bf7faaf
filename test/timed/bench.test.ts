/** The bench, small: it delivers every token, whatever it measures. */
import { beforeAll, expect, test } from "vitest";
import { ensureBuilt } from "../../scripts/setup.mjs";
import { runScript } from "../support/run-script.ts";

// The bench's own output begins after that of a build.
beforeAll(ensureBuilt, 120_000);

test("the quick bench delivers every token", async () => {
  const { code, stdout, stderr } = await runScript("bench.ts", "--quick", "--only", "0");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/1 x 100 +200 \/ 200/);
  expect(stdout).toMatch(/5 x 100 one by one +500 \/ 500/);
  expect(stdout).toContain("Nothing was lost.");
}, 60_000);

test("the quick bench compares readers, threads and states with their floors", async () => {
  const { code, stdout, stderr } = await runScript("bench.ts", "--quick", "--only", "figures", "--source", "direct");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const names = [
    /one run with 5 readers/,
    /20 idle sockets/,
    /resuming after 300 events/,
    /20 messages before/,
    /10000 characters/,
  ];
  for (const name of names) expect(stdout).toMatch(name);
  expect(stdout).toContain("Nothing was lost.");
}, 60_000);

test("the quick bench compares a server that is guarded with one that is not", async () => {
  const { code, stdout, stderr } = await runScript("bench.ts", "--quick", "--guards");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("this / other");
  expect(stdout).toMatch(/times the CPU per token with sign-in, limits and metrics; the target is at most 1\.15/);
  expect(stdout).toContain("Nothing was lost.");
}, 60_000);

test("the quick bench compares processes that share Postgres and Redis with one alone", async () => {
  const { code, stdout, stderr } = await runScript("bench.ts", "--quick", "--processes", "2");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/Redis, reader in another process +\d/);
  expect(stdout).toMatch(/3 at 30\/s +\d/);
  expect(stdout).toMatch(/Postgres statements per run of one step: [1-9]/);
  expect(stdout).toContain("Nothing was lost.");
}, 60_000);

test.each(["sse", "frames", "short"])(
  "the quick bench over %s",
  async (transport) => {
    const { code, stdout } = await runScript("bench.ts", "--quick", "--transport", transport, "--only", "one by one");
    expect(stdout).toContain("Nothing was lost.");
    expect(code).toBe(0);
  },
  60_000,
);

test("the quick bench has a reader that stops, is cut, and comes back", async () => {
  const { code, stdout } = await runScript("bench.ts", "--quick", "--only", "stopped");
  expect(stdout).toMatch(/was cut after .* in the end it had all 700 tokens\.\n\nNothing was lost\./);
  expect(code).toBe(0);
}, 60_000);
