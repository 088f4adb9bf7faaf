import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

/** Each server of a test is three then. A thread that is built starts in a fraction of the time that one from sources takes. */
const SEVERAL = {
  globalSetup: "test/support/shared-servers.ts",
  alias: [{ find: /^.*\/heartbeat\.ts$/, replacement: resolve("dist/store/postgres/heartbeat.js") }],
};

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // They end what hangs, and are no measure: on a busy machine a browser or a process takes its time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    // One process a core, each with the modules it loaded for an earlier file: loading LangChain costs more than most files.
    pool: "forks",
    isolate: false,
    maxWorkers: availableParallelism(),
    ...(process.env.SLUICE_TEST_PROCESSES ? SEVERAL : {}),
    restoreMocks: true,
    unstubEnvs: true,
  },
});
