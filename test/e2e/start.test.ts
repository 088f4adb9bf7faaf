/** The server as a process: its output, errors at its start, its end, and the graphs that it serves. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { EventType } from "../../src/protocol/events.ts";
import { killRest, project, serve, sluice } from "../support/child.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { connect, isType } from "../support/ws-client.ts";

// The tests run concurrently, because starting Node takes most of their time.
afterAll(killRest);

async function chat(url: string, message: string): Promise<{ message: string }> {
  const answer = await fetch(`${url}/chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message }),
  });
  return (await answer.json()) as { message: string };
}

/** The agents that the demo model answers for. */
async function demoAgents(url: string): Promise<string[]> {
  const { agents } = (await (await fetch(`${url}/agui/info`)).json()) as { agents: Record<string, { demo: boolean }> };
  return Object.keys(agents).filter((name) => agents[name]?.demo);
}

describe("sluice serve", () => {
  it.concurrent("greets with its address, who answers, and lines that work when they are pasted", async () => {
    const server = await serve();
    const lines = server.greeting.split("\n").map((line) => line.trim());
    expect(lines[1]).toMatch(/^Sluice \d+\.\d+\.\d+ serves assistant(?:, [\w-]+)* on http:\/\/127\.0\.0\.1:\d+$/);
    expect(lines[2]).toBe(
      "The built-in demo model answers. For a real one set OPENAI_API_KEY or OPENAI_BASE_URL in .env.",
    );

    expect(await demoAgents(server.url)).toContain("assistant");

    const wscat = lines.find((line) => line.startsWith("npx wscat -c "));
    const client = await connect(/^npx wscat -c (\S+) +#/.exec(wscat ?? "")?.[1] ?? "");
    client.send("hello");
    await client.until(isType(EventType.RUN_FINISHED));
    await client.close();

    const curl = lines.find((line) => line.startsWith("curl "));
    const [, url = "", body = ""] =
      /^curl -s (\S+) -H 'Content-Type: application\/json' -d '(.*)'$/.exec(curl ?? "") ?? [];
    expect(url).toBe(`${server.url}/chat`);
    expect((await chat(server.url, (JSON.parse(body) as { message: string }).message)).message).toContain(
      "12 * 7 = 84",
    );
    expect(await server.stop()).toMatchObject({ code: 0, stderr: "" });
  });

  it.concurrent("says so when a real model answers, and does not say its key", async () => {
    const server = await serve({ OPENAI_API_KEY: "sk-secret-0123456789" });
    expect(server.greeting).toContain("Answers come from the OpenAI-compatible model in your settings.");
    expect(await demoAgents(server.url)).toEqual([]);
    const { stdout, stderr } = await server.stop();
    expect(stdout + stderr).not.toContain("sk-secret");
  });

  it.concurrent.each<[Record<string, string>, string]>([
    [{ PORT: "abc" }, 'PORT="abc" is not valid: expected a whole number from 0 to 65535.'],
    [{ STREAM_VERSION: "v3" }, 'STREAM_VERSION="v3" is not valid: expected v2 or v1.'],
    [{ MODEL: "openai" }, "MODEL=openai needs OPENAI_API_KEY or OPENAI_BASE_URL: set one, or MODEL=demo."],
  ])("does not start with %j, and says in one line what is valid", async (env, line) => {
    expect(await sluice(["serve"], env)).toEqual({ code: 1, stdout: "", stderr: `sluice: ${line}\n` });
  });

  it.concurrent.each<[Record<string, string>, RegExp]>([
    [
      { DATABASE_URL: "postgres://me:hush-hush@127.0.0.1:1/db" },
      /^sluice: DATABASE_URL: the database cannot be opened: .+\n$/,
    ],
    [
      { DATABASE_URL: "mysql://me:hush-hush@127.0.0.1:1/db" },
      /^sluice: DATABASE_URL=\(not shown\) is not valid: .+\n$/,
    ],
    [{ REDIS_URL: "redis://me:hush-hush@127.0.0.1:1/0" }, /^sluice: REDIS_URL: .+\n$/],
    [{ REDIS_URL: "http://me:hush-hush@127.0.0.1:1/0" }, /^sluice: REDIS_URL=\(not shown\) is not valid: .+\n$/],
  ])("does not start without the server of %j, and says so in one line without the password", async (env, line) => {
    const { code, stdout, stderr } = await sluice(["serve"], { PORT: "0", ...env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(line);
    expect(stderr).not.toContain("hush-hush");
  });

  it.concurrent("does not start with an unknown event in its allow-list, and lists the known ones", async () => {
    const { code, stdout, stderr } = await sluice(["serve"], { STREAM_ALLOWED_EVENTS: "on_tool_*,on_foo" });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^sluice: STREAM_ALLOWED_EVENTS=.*on_foo.*on_chat_model_stream.*on_custom_event.*\n$/);
    expect(stderr.split("\n")).toHaveLength(2);
  });

  it.concurrent.each<[string, string, RegExp]>([
    ["is no JSON", "{ agents: ", /agents\.json is not JSON: /],
    ["has an unknown field", '{ "agents": { "a": { "graph": "./a.js:graph", "color": 1 } } }', /agents\.a: .*color/],
    [
      "names a graph that is not there",
      '{ "agents": { "a": { "graph": "./graph.js:graph" } } }',
      /^sluice: Agent a: There is no graph\.js in .+\.\n$/,
    ],
  ])("does not start with an agents.json that %s, and says where", async (_, json, complaint) => {
    await using folder = await project({ "agents.json": json });
    const { code, stdout, stderr } = await sluice(["serve"], { CONFIG_DIR: folder.path, PORT: "0" });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(complaint);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it.concurrent("does not start without the agents.json that CONFIG_DIR promises", async () => {
    await using folder = await project({});
    const { code, stderr } = await sluice(["serve"], { CONFIG_DIR: folder.path });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sluice: CONFIG_DIR: there is no agents\.json in .*\.\n$/);
  });

  it.concurrent("reads .env, and the environment wins over it", async () => {
    await using folder = await project({ ".env": "PORT=from-file\nMODEL=other" });
    const { stderr } = await sluice(["serve"], { PORT: "0" }, folder.path);
    expect(stderr).toBe('sluice: MODEL="other" is not valid: expected auto or openai or demo.\n');
  });

  it.concurrent("says in one line that its port is taken", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as AddressInfo;
    const { code, stderr } = await sluice(["serve"], { PORT: String(port) });
    holder.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^sluice: Port \d+ is in use\. Choose another with --port or PORT; 0 chooses a free port\.\n$/,
    );
  });

  it.concurrent("ends with code 0 on SIGTERM, and asks its sockets to come back elsewhere", async () => {
    const server = await serve();
    const client = await connect(`${server.url.replace("http", "ws")}/ws`);
    const exit = server.stop();
    expect(await client.closed).toEqual({ code: 1012, reason: "The server is shutting down." });
    expect(await exit).toMatchObject({ code: 0, stderr: "" });
  });

  it.concurrent("ends what still runs when its drain time is over, and says why", async () => {
    const server = await serve({ DEMO_FIRST_TOKEN_MS: "60000", DRAIN_SECONDS: "0.1" });
    const run = await postRun(server.url, userInput("hello"));
    await run.until(EventType.STEP_STARTED);
    const exit = server.stop();
    expect((await run.done).at(-1)).toMatchObject({ type: EventType.RUN_ERROR, code: "draining" });
    expect(await exit).toMatchObject({ code: 0, stderr: "" });
  });

  it.concurrent("lets a run finish that is done within the drain time", async () => {
    const server = await serve({ DEMO_FIRST_TOKEN_MS: "300", DRAIN_SECONDS: "20" });
    const run = await postRun(server.url, userInput("hello"));
    await run.until(EventType.STEP_STARTED);
    const exit = server.stop();
    expect((await run.done).at(-1)).toMatchObject({ type: EventType.RUN_FINISHED });
    expect(await exit).toMatchObject({ code: 0, stderr: "" });
  });
});

const GRAPH = `
import { AIMessage } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";

const echo = ({ messages }) => ({ messages: [new AIMessage("You said: " + messages.at(-1).content)] });

export const graph = new StateGraph(MessagesAnnotation).addNode("echo", echo).addEdge(START, "echo").compile();
export const second = graph;
export const settings = { loud: true };
`;

describe("sluice serve <file>:<export>", () => {
  it.concurrent("serves a graph that somebody wrote in plain JavaScript", async () => {
    await using folder = await project({ "my-graph.js": GRAPH });
    const server = await serve({}, ["./my-graph.js:graph", "my-graph.js:second"], folder.path);
    expect(server.greeting).toContain("serves my-graph, my-graph-second on http");
    expect(await chat(server.url, "good morning")).toMatchObject({ message: "You said: good morning" });
    const info = (await (await fetch(`${server.url}/agui/info`)).json()) as { agents: object };
    expect(Object.keys(info.agents)).toEqual(["my-graph", "my-graph-second"]);
    expect(await demoAgents(server.url)).toEqual([]);
    expect((await server.stop()).code).toBe(0);
  });

  it.concurrent.each([
    [
      "my-graph.js:graf",
      'my-graph.js has no export "graf". It exports graph (a graph), second (a graph), settings (an object).',
    ],
    [
      "my-graph.js:settings",
      '"settings" of my-graph.js is an object, not a graph. Export a compiled graph, a StateGraph, an agent, or a function that returns one.',
    ],
  ])("says of %s what the file does export", async (graph, complaint) => {
    await using folder = await project({ "my-graph.js": GRAPH });
    const { code, stdout, stderr } = await sluice(["serve", graph], { PORT: "0" }, folder.path);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^sluice: Agent my-graph(-\w+)?: /);
    expect(stderr).toContain(`: ${complaint}\n`);
  });

  it.concurrent.each([
    ["missing.js:graph", "export const graph = 1;", /: There is no missing\.js in .+\.\n$/],
    [
      "broken.js:graph",
      "export const graph = (;",
      /: broken\.js cannot be loaded: Unexpected token ';' \(broken\.js:1\)\n$/,
    ],
    [
      "broken.js:graph",
      'throw new Error("No database.");',
      /: broken\.js cannot be loaded: No database\. \(broken\.js:1\)\n$/,
    ],
  ])("says in one line why %s cannot be loaded: %s", async (graph, source, complaint) => {
    await using folder = await project({ "broken.js": source });
    const { code, stderr } = await sluice(["serve", graph], { PORT: "0" }, folder.path);
    expect(code).toBe(1);
    expect(stderr).toMatch(complaint);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe("sluice", () => {
  it.concurrent("explains itself with --help", async () => {
    const { code, stdout } = await sluice(["serve", "--help"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("Usage: sluice serve") });
  });

  it.concurrent("lists its commands", async () => {
    const { code, stdout } = await sluice(["--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: sluice <command>/);
    expect([...stdout.matchAll(/^ {2}([a-z]+) {2,}\w/gm)].map(([, name]) => name)).toEqual([
      "init",
      "serve",
      "dev",
      "chat",
      "key",
      "doctor",
      "check",
      "audit",
    ]);
  });

  it.concurrent("prints its version", async () => {
    expect(await sluice(["--version"])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: "",
    });
  });

  it.concurrent.each([
    [["srve"], 'There is no command "srve".', "Usage: sluice <command>"],
    [[], "Which command?", "Usage: sluice <command>"],
    [["serve", "--prot=1"], "Unknown option '--prot'", "Usage: sluice serve"],
  ])("does not guess what %j means", async (args, complaint, usage) => {
    const { code, stdout, stderr } = await sluice(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`sluice: ${complaint}\n\n${usage}`);
  });
});
