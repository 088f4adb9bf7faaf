import { beforeAll, expect, test } from "vitest";
import { ensureBuilt } from "../../scripts/setup.mjs";
import { runScript } from "../support/run-script.ts";

beforeAll(ensureBuilt, 120_000);

test("a few seconds of everything that harms a process leave it alive, and healthy clients whole", async () => {
  const { code, stdout } = await runScript("soak.ts", "--seconds", "4");
  expect(stdout).toContain("✓ The process survived");
  expect(code).toBe(0);
}, 120_000);
