/**
 * `npm run test:processes`: runs the end-to-end suites against three processes that share a Postgres and a Redis,
 * behind a load balancer without stickiness. `--short` runs the most important suites, in a quarter of the time. Other
 * arguments are passed to Vitest, and select suites.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureBuilt, ensureInstalled, ROOT } from "./setup.mjs";

const SUITES = [
  "test/check/check.test.ts",
  "test/client/agent-older.test.ts",
  "test/client/agent.test.ts",
  "test/client/drop-in.test.ts",
  "test/client/faults.test.ts",
  "test/client/server.test.ts",
  "test/client/sign-in.test.ts",
  "test/e2e/corrections.test.ts",
  "test/e2e/ecosystem",
  "test/e2e/http-agents.test.ts",
  "test/e2e/openai.test.ts",
  "test/e2e/opentelemetry.test.ts",
  "test/e2e/providers",
  "test/e2e/runs",
  "test/e2e/translation",
  "test/react",
  "test/server/ai-sdk",
  "test/server/attacks.test.ts",
  "test/server/auth",
  "test/server/canary.test.ts",
  "test/server/copilotkit.test.ts",
  "test/server/defences.test.ts",
  "test/server/documents.test.ts",
  "test/server/http.test.ts",
  "test/server/injected.test.ts",
  "test/server/langgraph",
  "test/server/legacy-interrupts.test.ts",
  "test/server/slow-consumer.test.ts",
  "test/server/snapshot.test.ts",
  "test/server/tanstack.test.ts",
  "test/server/threads.test.ts",
  "test/server/ws.test.ts",
];

const SHORT = [
  "test/client/agent.test.ts",
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

/** Suites that do not hold for several processes, and why. */
const SUITES_LEFT_OUT = {
  "test/server/floods.test.ts": "a load balancer's own connections take more of a flood than the server does",
  "test/server/limits.test.ts": "places and messages over sockets are counted in each process, and refusals too",
  "test/e2e/runs/leaks.test.ts": "it counts what one process holds",
};

/** Tests that do not apply to several processes, by a part of their name, with the reason. */
const LEFT_OUT = {
  "learns that the server goes": "a process that stops closes its sockets while another one finishes the run",
  "over frames: one who subscribes": "its steps are turns of one process's event loop",
  "come over one socket": "it counts the sockets of one process",
  "of sockets end at MAX_SOCKETS": "a bound of each process",
  "when the places for sockets are taken": "a bound of each process",
  "of runs end at MAX_ACTIVE_RUNS": "a bound of each process",
  "a refused origin is logged once": "each process logs it once",
  "its keys are read from their address": "each process reads them, and keeps them for a while",
  "is counted": "it reads the metrics of one process",
  "live, after a gap, and where deltas are merged": "for readers of two processes, deltas may be merged differently",
  "attaches: fifty at once are one run": "no more than 16 starts wait for Postgres in one process",
  "may be cut after any byte": "thousands of requests, which take minutes when each asks Postgres and Redis",
  "its client was gone before the run had begun":
    "a start that waits for Redis or Postgres is given up when its client is gone, and calls no model",
  "as pipelined runs get 64 places":
    "on a busy machine some of the 64 wait too long for a connection to Postgres, and are refused",
  "keeps what those have said who wait for the thread":
    "a snapshot contains only the starts that wait in the run's process",
};

ensureInstalled();
ensureBuilt();
const given = process.argv.slice(2).filter((arg) => arg !== "--short");
const suites = process.argv.includes("--short") ? SHORT : SUITES;
const others = `--testNamePattern=^(?!.*(${Object.keys(LEFT_OUT).join("|")}))`;
const excluded = Object.keys(SUITES_LEFT_OUT).flatMap((suite) => ["--exclude", suite]);
const chosen = given.some((arg) => arg.startsWith("test/")) ? given : [...suites, ...given];
const child = spawn(
  process.execPath,
  // Each server is three processes' worth of connections and threads, so the files run one after the other.
  [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", ...chosen, others, ...excluded, "--maxWorkers=1"],
  { cwd: ROOT, stdio: "inherit", env: { PROPERTY_RUNS: "20", ...process.env, SLUICE_TEST_PROCESSES: "3" } },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (code) => {
  for (const [name, why] of Object.entries({ ...SUITES_LEFT_OUT, ...LEFT_OUT }))
    console.log(`left out: "${name}" (${why})`);
  process.exitCode = code ?? 1;
});
