/**
 * `npm run test:processes`: end-to-end suites as they are, each against three processes that share a Postgres and a Redis,
 * with a load balancer without stickiness in front. Arguments go to Vitest, and choose among the suites.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureBuilt, ensureInstalled, ROOT } from "./setup.mjs";

const SUITES = [
  "test/client/drop-in.test.ts",
  "test/client/server.test.ts",
  "test/e2e/corrections.test.ts",
  "test/e2e/http-agents.test.ts",
  "test/e2e/runs/answers.test.ts",
  "test/e2e/runs/frames.test.ts",
  "test/e2e/runs/resume.test.ts",
  "test/e2e/translation/interrupts.test.ts",
  "test/server/ai-sdk",
  "test/server/copilotkit.test.ts",
  "test/server/injected.test.ts",
  "test/server/langgraph/client.test.ts",
  "test/server/langgraph/protocol-socket.test.ts",
  "test/server/langgraph/protocol.test.ts",
  "test/server/snapshot.test.ts",
];

/** Tests of these that do not hold for several processes, by a part of their names, and why. */
const LEFT_OUT = {
  "learns that the server goes": "a process that goes closes its sockets while another one finishes the run",
  "when the server has not confirmed the run yet": "it looks for the run's end in the process that serves its client",
  "after a cut nothing is lost or doubled": "it cuts the connections of one process",
  "come over one socket": "it counts the sockets of one process",
  "keeps what those have said who wait for the thread": "a snapshot has the starts that wait in the run's process",
};

ensureInstalled();
ensureBuilt();
const given = process.argv.slice(2);
const others = `--testNamePattern=^(?!.*(${Object.keys(LEFT_OUT).join("|")}))`;
const chosen = given.some((arg) => arg.startsWith("test/")) ? given : [...SUITES, ...given];
const child = spawn(
  process.execPath,
  // Each server is three, with connections and a thread of its own each: a few files at once would be too many.
  [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", ...chosen, others, "--maxWorkers=1"],
  { cwd: ROOT, stdio: "inherit", env: { PROPERTY_RUNS: "20", ...process.env, SLUICE_TEST_PROCESSES: "3" } },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (code) => {
  for (const [name, why] of Object.entries(LEFT_OUT)) console.log(`left out: "${name}" (${why})`);
  process.exitCode = code ?? 1;
});
