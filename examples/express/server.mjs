// An Express app with sign-in that serves Sluice below /ai. Each person sees only their own threads.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import express from "express";
import { createSluice } from "langgraph-sluice";
import { graph } from "./graph.mjs";

/** The names of signed-in people by session cookie. A real app checks a password and keeps sessions in a database. */
const sessions = new Map();
const nameOf = ({ headers }) => sessions.get(/(?:^|; )session=([^;]*)/.exec(headers.cookie ?? "")?.[1]);

const sluice = createSluice({
  agents: { helper: graph },
  basePath: "/ai",
  dataDir: "data",
  playground: true, // a page for trying it; replace it with your own frontend
  // Called for requests and WebSockets. A WebSocket does not pass through the app's middleware.
  authorize(request) {
    const name = nameOf(request);
    return name === undefined ? false : { id: name };
  },
});

const app = express();
app.get("/", (request, response) => {
  if (nameOf(request) === undefined) response.send(SIGN_IN);
  else response.redirect("/ai/");
});
app.post("/sign-in", express.urlencoded(), (request, response) => {
  const session = randomUUID();
  sessions.set(session, String(request.body.name));
  response.cookie("session", session, { httpOnly: true, sameSite: "lax" });
  response.redirect("/");
});
app.use("/ai", sluice.router);

const SIGN_IN = `<!doctype html>
<html lang="en">
  <title>Sign in</title>
  <link rel="icon" href="data:," />
  <meta name="viewport" content="width=device-width" />
  <main>
    <h1>Sign in</h1>
    <form method="post" action="/sign-in">
      <label>Name <input name="name" required autocomplete="username" /></label>
      <button>Sign in</button>
    </form>
  </main>
</html>`;

const server = createServer(app);
sluice.attach(server); // WebSockets at /ai/ws
const port = Number(process.env.PORT ?? 3000);
server.listen(port, "127.0.0.1", () => console.log(`Open http://127.0.0.1:${server.address().port}`));
