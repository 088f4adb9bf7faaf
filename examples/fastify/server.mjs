// A Fastify app that has Sluice below /ai, as Express middleware. NestJS takes it in the same way: app.use("/ai", sluice.router).
import fastifyExpress from "@fastify/express";
import Fastify from "fastify";
import { createSluice } from "langgraph-sluice";
import { graph } from "./graph.mjs";

const sluice = createSluice({
  agents: { helper: graph },
  basePath: "/ai",
  dataDir: "data",
  playground: true, // a page to try it with; your own frontend takes its place
});

const app = Fastify();
await app.register(fastifyExpress);
app.use("/ai", sluice.router);
app.get("/", (_request, reply) => reply.redirect("/ai/"));
sluice.attach(app.server); // WebSockets at /ai/ws

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1" });
console.log(`Open ${address}`);
