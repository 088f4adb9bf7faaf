// The routes that AWS Bedrock AgentCore requires of an AG-UI server: POST /invocations, GET /ping and the WebSocket
// /ws.
import { createServer } from "node:http";
import express from "express";
import { createSluice } from "langgraph-sluice";
import { graph } from "./graph.mjs";

const sluice = createSluice({
  agents: { helper: graph },
  playground: true, // a page at / for trying it; AgentCore does not forward requests to it
});

const app = express();
app.get("/ping", (_request, response) => void response.json({ status: "Healthy" }));
app.post("/invocations", (request, response, next) => {
  request.url = "/agui";
  sluice.router(request, response, next);
});
app.use(sluice.router);

const server = createServer(app);
sluice.attach(server); // WebSockets at /ws
// AgentCore reaches the container from outside, so the Dockerfile sets HOST to 0.0.0.0.
server.listen(Number(process.env.PORT ?? 8080), process.env.HOST ?? "127.0.0.1", () => {
  console.log(`Open http://127.0.0.1:${server.address().port}`);
});
