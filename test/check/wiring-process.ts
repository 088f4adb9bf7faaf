/** Checks the wiring of several graphs in a separate process, and prints the results as JSON. */
import { tmpdir } from "node:os";
import { checkWiring } from "../../src/check/wiring.ts";

const found: Record<string, unknown> = {};
for (const target of process.argv.slice(2)) {
  found[target.slice(target.lastIndexOf(":") + 1)] = await checkWiring({
    target,
    agent: undefined,
    configFile: undefined,
    message: "Tell me in a few sentences how a river finds its way to the sea.",
    input: undefined,
    timeoutMs: 30_000,
    cwd: process.cwd(),
    packageRoot: tmpdir(),
  });
}
// A graph may keep the process alive.
process.stdout.write(JSON.stringify(found), () => process.exit(0));
