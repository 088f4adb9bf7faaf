import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

/** For SLUICE_TEST_PROCESSES, where each server of a test is several. */
const SEVERAL = { globalSetup: ["test/support/copies.ts", "test/support/shared-servers.ts"] };

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These timeouts only end tests that hang. On a busy machine a browser or a process may be slow.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
    // One process per core. Each keeps the modules of earlier files, because loading LangChain takes longer than most
    // test files.
    pool: "forks",
    isolate: false,
    maxWorkers: availableParallelism(),
    globalSetup: "test/support/copies.ts",
    // Each server that shares a database has a heartbeat thread. From the sources its start costs a second.
    alias: [{ find: /^.*\/heartbeat\.ts$/, replacement: resolve("dist/store/postgres/heartbeat.js") }],
    ...(process.env.SLUICE_TEST_PROCESSES ? SEVERAL : {}),
    restoreMocks: true,
    unstubEnvs: true,
  },
});
