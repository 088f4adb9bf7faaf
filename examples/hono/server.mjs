// A Hono app that serves Sluice below /ai.
import { serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { Hono } from "hono";
import { createSluice, toFetchHandler } from "langgraph-sluice";
import { graph } from "./graph.mjs";

const sluice = createSluice({
  agents: { helper: graph },
  basePath: "/ai",
  dataDir: "data",
  playground: true, // a page for trying it; replace it with your own frontend
});
const handle = toFetchHandler(sluice);

const app = new Hono();
app.get("/", (context) => context.redirect("/ai/"));
app.all("/ai/*", (context) => handle(context.req.raw, { remoteAddress: getConnInfo(context).remote.address }));

const port = Number(process.env.PORT ?? 3000);
const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, ({ port }) => {
  console.log(`Open http://127.0.0.1:${port}`);
});
sluice.attach(server); // WebSockets at /ai/ws
