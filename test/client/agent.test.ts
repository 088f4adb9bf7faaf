/** The suite on `@ag-ui/client` 1.0. */
import { agentSuite } from "./agent-suite.ts";

agentSuite(() => import("../../src/client/web-socket-agent.ts"), {
  cancelled: { type: "RUN_FINISHED", outcome: { type: "cancelled" } },
});
