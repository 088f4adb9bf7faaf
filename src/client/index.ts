/** What a frontend with `@ag-ui/client` imports. Without it, there is `langgraph-sluice/client/connection`. */
export * from "./connection.ts";
export { WebSocketAgent, type WebSocketAgentConfig } from "./web-socket-agent.ts";
