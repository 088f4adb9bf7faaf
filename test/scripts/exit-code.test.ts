/** Scripts that start servers end with the exit code they set. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

test("a script that can start a Postgres, and found something wrong, does not end with 0", async () => {
  const script = `import ${JSON.stringify(new URL("../support/postgres.ts", import.meta.url))}; process.exitCode = 3;`;
  const child = spawn(process.execPath, ["--import=tsx", "--input-type=module", "--eval", script]);
  const [code] = (await once(child, "close")) as [number | null];
  expect(code).toBe(3);
});
