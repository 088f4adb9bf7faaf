// A Fastify app that serves Sluice below /ai, as Express middleware. NestJS uses it in the same way: app.use("/ai",
// sluice.router).
import fastifyExpress from "@fastify/express";
import Fastify from "fastify";
import { createSluice } from "langgraph-sluice";
import { graph } from "./graph.mjs";

const sluice = createSluice({
  agents: { helper: graph },
  basePath: "/ai",
  dataDir: "data",
  playground: true, // a page for trying it; replace it with your own frontend
});

const app = Fastify();
await app.register(fastifyExpress);
app.use("/ai", sluice.router);
app.get("/", (_request, reply) => reply.redirect("/ai/"));
sluice.attach(app.server); // WebSockets at /ai/ws

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1" });
console.log(`Open ${address}`);
