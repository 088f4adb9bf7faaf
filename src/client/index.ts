/** The imports of a frontend with `@ag-ui/client`. Without it, there is `langgraph-sluice/client/connection`. */
export * from "./connection.ts";
export { WebSocketAgent, type WebSocketAgentConfig } from "./web-socket-agent.ts";
