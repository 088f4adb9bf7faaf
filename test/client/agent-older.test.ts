/** The suite on `@ag-ui/client` 0.0.59, under the name that the agent imports. */
import { afterAll, beforeAll, vi } from "vitest";
import { agentSuite } from "./agent-suite.ts";

beforeAll(() => {
  vi.resetModules();
  vi.doMock("@ag-ui/client", () => import("ag-ui-client-0.0.59"));
});
afterAll(() => {
  vi.doUnmock("@ag-ui/client");
  vi.resetModules();
});

agentSuite(() => import("../../src/client/web-socket-agent.ts"), {
  // It does not know the outcome `cancelled`.
  cancelled: { type: "RUN_ERROR", code: "cancelled" },
});
