/** The suite on `@ag-ui/client` 0.0.59, under the name that the agent imports. */
import { jest } from "@jest/globals";
import { agentSuite } from "./agent-suite.ts";

jest.unstable_mockModule("@ag-ui/client", () => import("ag-ui-client-0.0.59"));

agentSuite(() => import("../../src/client/web-socket-agent.ts"), {
  // It does not know the outcome `cancelled`.
  cancelled: { type: "RUN_ERROR", code: "cancelled" },
});
