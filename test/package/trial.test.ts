/** The package in an empty folder: it serves a graph, and is embedded in an app. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postRun, userInput } from "../support/sse-client.ts";
import { eventsOf } from "../support/sse-frames.ts";
import { verifyRun } from "../support/verify.ts";
import { connect, isType } from "../support/ws-client.ts";
import { consumer, pack, ROOT, run, temporary } from "./packed.ts";

const ended = isType("RUN_FINISHED", "RUN_ERROR");

let folder: Awaited<ReturnType<typeof temporary>>;
let path: string;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  folder = await temporary();
  path = await consumer(folder.path, await pack(folder.path), ["langchain"]);
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const [, graph = ""] = /^```js my-graph\.mjs\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  await writeFile(join(path, "package.json"), AS_NPM_INIT_WRITES_IT);
  await writeFile(join(path, "my-graph.mjs"), graph);
  await writeFile(join(path, "typed.ts"), graph.replace("(state, config)", "(state: any, config: { writer?: any })"));
  await writeFile(join(path, "app.mjs"), APP);
});
afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  await folder.remove();
});

/** Starts a program in the folder and gives what it printed, once that has an address. */
async function start(args: readonly string[], cwd = path): Promise<{ child: ChildProcess; url: string }> {
  const env = { PATH: process.env.PATH, PORT: "0", LOG_LEVEL: "silent", DRAIN_SECONDS: "0.2" };
  const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let out = "";
  const url = await new Promise<string>((listening, failed) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text: Buffer) => {
        out += text.toString();
        const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(out) ?? [];
        if (found) listening(found);
      });
    }
    child.once("close", (code) => failed(new Error(`ended with ${code}:\n${out}`)));
  });
  return { child, url };
}

async function expectRuns(url: string, agent: string): Promise<void> {
  await verifyRun(await (await postRun(url, userInput("hi"), `/agui/agent/${agent}/run`)).done);
  const client = await connect(`${url.replace("http", "ws")}/ws?agent=${agent}`);
  client.send("hi");
  await verifyRun(eventsOf(await client.until(ended)));
  await client.close();
}

describe("in an empty folder", () => {
  it("the program serves graphs in JavaScript and TypeScript", async () => {
    const main = join("node_modules", "langgraph-sluice", "dist", "main.js");
    const { child, url } = await start([main, "serve", "./my-graph.mjs:graph", "./typed.ts:graph"]);
    await expectRuns(url, "my-graph");
    await expectRuns(url, "typed");
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([0, null]);
  });

  it("an app has Sluice under a path, beside WebSockets of its own, and goes on without it", async () => {
    const { child, url } = await start(["app.mjs"]);
    await expectRuns(`${url}/ai`, "helper");
    const echo = await connect(`${url.replace("http", "ws")}/echo`);
    const follower = await connect(`${url.replace("http", "ws")}/ai/ws`);
    expect(await (await fetch(`${url}/close`, { method: "POST" })).text()).toBe("closed");
    expect(await follower.closed).toMatchObject({ code: 1012 });
    echo.send("still there?");
    await echo.until((frame) => frame === "still there?");
    expect(await (await fetch(url)).text()).toBe("my own page");
    await echo.close();
    child.kill("SIGTERM");
    await once(child, "close");
  });
});

describe("sluice init", () => {
  const main = () => join(path, "node_modules", "langgraph-sluice", "dist", "main.js");

  it.each(["react", "use-stream", "vanilla", "none"])("writes a project that is served: %s", async (frontend) => {
    const project = `my-${frontend}`;
    const said = await run(process.execPath, [main(), "init", project, "--frontend", frontend], path);
    expect(said).toContain(`cd ${project}`);
    const { child, url } = await start([main(), "serve"], join(path, project));
    await expectRuns(url, "agent");
    const routes = await fetch(`${url}/langgraph/ok`);
    expect(routes.status).toBe(frontend === "use-stream" ? 200 : 404);
    child.kill("SIGTERM");
    await once(child, "close");

    const manifest = JSON.parse(await readFile(join(path, project, "package.json"), "utf8")) as Manifest;
    expect(manifest.dependencies["langgraph-sluice"]).toBe("file:../sluice.tgz");
    if (frontend === "none") expect(manifest.scripts).toEqual({ start: "sluice dev" });
    else {
      const chat = join(path, project, "src", frontend === "vanilla" ? "main.js" : "Chat.jsx");
      expect(await readFile(chat, "utf8")).toMatch(/Agent|useStream|useSluiceThread/);
    }
  });

  it("overwrites nothing", async () => {
    await mkdir(join(path, "taken"));
    await writeFile(join(path, "taken", "graph.mjs"), "mine");
    await expect(run(process.execPath, [main(), "init", "taken"], path)).rejects.toThrow(
      "taken has graph.mjs already.",
    );
    expect(await readdir(join(path, "taken"))).toEqual(["graph.mjs"]);
    expect(await readFile(join(path, "taken", "graph.mjs"), "utf8")).toBe("mine");
  });

  it.each([
    [[], "init FOLDER"],
    [["a", "b"], "init FOLDER"],
    [["a", "--frontend", "vue"], "--frontend: there are react, assistant-ui, use-stream, vanilla, none."],
  ])("refuses %j", async (args, complaint) => {
    await expect(run(process.execPath, [main(), "init", ...args], path)).rejects.toThrow(complaint);
  });
});

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly scripts: object;
}

/** `npm init -y` of npm 11: a `.js` file with imports is no module there. */
const AS_NPM_INIT_WRITES_IT = JSON.stringify({
  name: "app",
  version: "1.0.0",
  type: "commonjs",
  dependencies: { "langgraph-sluice": "file:sluice.tgz" },
});

const APP = `
import { createServer } from "node:http";
import express from "express";
import { createSluice } from "langgraph-sluice";
import { WebSocketServer } from "ws";
import { graph } from "./my-graph.mjs";

const app = express();
const server = createServer(app);
const own = new WebSocketServer({ server, path: "/echo" });
own.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));

const sluice = createSluice({ agents: { helper: graph }, basePath: "/ai", dataDir: "./kept" });
app.use("/ai", sluice.router);
sluice.attach(server);

app.get("/", (_request, response) => void response.send("my own page"));
app.post("/close", async (_request, response) => {
  await sluice.close();
  response.send("closed");
});
server.listen(0, "127.0.0.1", () => console.log(\`http://127.0.0.1:\${server.address().port}\`));
`;
