import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // One process a core, each with the modules it loaded for an earlier file: loading LangChain costs more than most files.
    pool: "forks",
    isolate: false,
    maxWorkers: availableParallelism(),
    ...(process.env.SLUICE_TEST_PROCESSES ? { globalSetup: "test/support/shared-servers.ts" } : {}),
    restoreMocks: true,
    unstubEnvs: true,
  },
});
