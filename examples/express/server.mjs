// An Express app that signs people in, and has Sluice below /ai. A person sees their own threads alone.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import express from "express";
import { createSluice } from "langgraph-sluice";
import { graph } from "./graph.mjs";

/** The names of those that are signed in, by their cookie. A real app checks a password, and keeps this in a database. */
const sessions = new Map();
const nameOf = ({ headers }) => sessions.get(/(?:^|; )session=([^;]*)/.exec(headers.cookie ?? "")?.[1]);

const sluice = createSluice({
  agents: { helper: graph },
  basePath: "/ai",
  dataDir: "data",
  playground: true, // a page to try it with; your own frontend takes its place
  // Requests and WebSockets both come by here: a WebSocket passes none of the app's middleware.
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
