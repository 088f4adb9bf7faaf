/** `sluice dev` as a separate process: files are edited while sockets are open. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Loaded, LoadedFile } from "../../src/cli/dev/preload.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { connection, Ear } from "../client/follow.ts";
import { dev, killRest, project, SERVES } from "../support/child.ts";
import { userInput } from "../support/sse-client.ts";
import { connect } from "../support/ws-client.ts";

// The tests run concurrently, because starting Node takes most of their time.
afterAll(killRest);

const WAITING = /sluice dev: waiting for a change\.\n/;

/** A graph that replies with a word from another file and the number of its messages. */
const GRAPH = `
const count = ({ messages }) => ({ messages: [{ role: "assistant", content: word + " of " + messages.length }] });
const graph = new StateGraph(MessagesAnnotation).addNode("count", count).addEdge(START, "count").compile();
`;
const ESM = 'import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";';
const built = (module: string) => new URL(`../../dist/${module}.js`, import.meta.url).href;

async function answer(url: string, message: string): Promise<string> {
  const response = await fetch(`${url}/chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message }),
  });
  return ((await response.json()) as { message: string }).message;
}

describe("a change to a file that a served file imports", () => {
  it.concurrent("reaches the next run over a connection that comes back by itself, on the same thread", async () => {
    await using folder = await project({
      "word.ts": 'export const word: string = "one";',
      "mine.ts": `${ESM}\nimport { word } from "./word.js";\n${GRAPH}\nexport { graph };`,
    });
    const edit = (text: string) => writeFile(join(folder.path, "word.ts"), text);
    const server = await dev(["mine.ts:graph"], folder.path);
    const bare = await connect(`${server.url.replace("http", "ws")}/ws`);
    const states: string[] = [];
    const client = connection(server.url.replace("http", "ws"), {
      openMs: 5_000,
      onState: ({ status }) => states.push(status),
    });
    const ask = async (text: string) => {
      const ear = new Ear();
      const run = client.run(userInput(text, { threadId: "t" }), ear.listener);
      await ear.ended;
      run.unsubscribe();
      return ear.text;
    };
    expect(await ask("first")).toBe("one of 1");

    await edit('export const word: string = "two";');
    expect(await bare.closed).toEqual({ code: 1012, reason: "The server is shutting down." });
    await server.said(SERVES);
    expect(await ask("second")).toBe("two of 3");
    expect(states).toContain("waiting");

    await edit("export const word: string = (;");
    await server.said(/sluice: Agent mine: mine\.ts cannot be loaded: Unexpected ";" \(word\.ts:1\)\n/);
    await server.said(WAITING);
    await edit('export const word: string = "three";');
    await server.said(SERVES);
    expect(await ask("third")).toBe("three of 5");

    const history = (await (await fetch(`${server.url}/threads/t/messages`)).json()) as {
      messages: { content: string }[];
    };
    expect(history.messages.map(({ content }) => content)).toEqual([
      "first",
      "one of 1",
      "second",
      "two of 3",
      "third",
      "three of 5",
    ]);
    client.close();
    expect((await server.stop()).code).toBe(0);
  });

  it.concurrent.each<[name: string, source: string, type: string]>([
    ["mine.js", 'import "./word.cjs";', "module"],
    ["mine.js", 'require("./word.cjs");', "commonjs"],
    ["mine.ts", 'import "./word.cjs";', "commonjs"],
    ["mine.cts", 'import "./word.cjs";', "module"],
  ])("is known in CommonJS too, imported by %s: %#", async (name, source, type) => {
    await using folder = await project({
      "word.cjs": 'require("./deep.cjs");',
      "deep.cjs": "exports.word = 'one';",
      [name]: source,
      "load.mjs": `import { loadModule } from ${JSON.stringify(built("graph/loading/module"))};\nawait loadModule("${name}", ".");\nprocess.exit();`,
      "package.json": JSON.stringify({ type }),
    });
    const execArgv = ["--import", built("cli/dev/preload")];
    const child = fork(join(folder.path, "load.mjs"), { cwd: folder.path, execArgv });
    const loaded: LoadedFile[] = [];
    child.on("message", (message: Partial<Loaded>) => void loaded.push(...(message.loaded ?? [])));
    expect(await once(child, "exit")).toEqual([0, null]);
    for (const file of [name, "word.cjs", "deep.cjs"]) {
      const path = join(folder.path, file);
      expect(loaded).toContainEqual({ path, written: (await stat(path)).mtimeMs });
    }
  });
});

describe("sluice dev", () => {
  it.concurrent("starts again when .env or agents.json changes, whatever was wrong with them", async () => {
    await using folder = await project({
      ".env": "WORD=one",
      "mine.mjs": `${ESM}\nconst word = process.env.WORD;\n${GRAPH}\nexport { graph };`,
      "my.json": '{ "agents": { "first": { "graph": "./mine.mjs:graph" } } }',
    });
    const server = await dev(["--config", "my.json"], folder.path);
    expect(await answer(server.url, "hello")).toBe("one of 1");
    await writeFile(join(folder.path, ".env"), "WORD=two");
    await server.said(SERVES);
    expect(await answer(server.url, "hello")).toBe("two of 1");
    await writeFile(join(folder.path, "my.json"), '{ "agents": ');
    await server.said(/my\.json is not JSON: /);
    await server.said(WAITING);
    await writeFile(join(folder.path, "my.json"), '{ "agents": { "second": { "graph": "./mine.mjs:graph" } } }');
    await server.said(/serves second on/);
    await server.stop();
  });

  it.concurrent("waits for the file that was missing when it began", async () => {
    await using folder = await project({
      "mine.mjs": `${ESM}\nimport { word } from "./word.mjs";\n${GRAPH}\nexport { graph };`,
      "good.mjs": `${ESM}\nconst word = "good";\n${GRAPH}\nexport { graph };`,
    });
    const server = await dev(["good.mjs"], folder.path);
    await writeFile(
      join(folder.path, "good.mjs"),
      `${ESM}\nimport { word } from "./word.mjs";\n${GRAPH}\nexport { graph };`,
    );
    await server.said(/good\.mjs imports word\.mjs, which is not there\.\n/);
    await server.said(WAITING);
    await writeFile(join(folder.path, "word.mjs"), "export const word = 'there';");
    await server.said(SERVES);
    expect(await answer(server.url, "hello")).toBe("there of 1");
    await server.stop();
  });

  it.concurrent("does not wait for a run that goes on, and its reader learns that the server goes", async () => {
    const never = "await new Promise(() => {});";
    await using folder = await project({
      "mine.mjs": `${ESM}\nconst word = "one";\n${GRAPH.replace("=> ({", `=> { ${never} return ({`).replace("}] });", "}] }); };").replace("const count = (", "const count = async (")}\nexport { graph };`,
    });
    const server = await dev(["mine.mjs"], folder.path, { DRAIN_SECONDS: "600" });
    const client = await connect(`${server.url.replace("http", "ws")}/ws`);
    client.send("hello");
    await client.until((frame) => frame.includes(EventType.STEP_STARTED));
    await writeFile(join(folder.path, "mine.mjs"), `${ESM}\nconst word = "two";\n${GRAPH}\nexport { graph };`);
    await server.said(SERVES);
    expect((await client.closed).code).toBe(1012);
    expect((JSON.parse(client.frames.at(-1) ?? "") as AguiEvent).type).toBe(EventType.RUN_ERROR);
    expect(await answer(server.url, "hello")).toBe("two of 1");
    await server.stop();
  });

  it.concurrent("leaves no server running when it is killed", async () => {
    await using folder = await project({ "mine.mjs": `${ESM}\nconst word = "one";\n${GRAPH}\nexport { graph };` });
    const server = await dev(["mine.mjs"], folder.path);
    const client = await connect(`${server.url.replace("http", "ws")}/ws`);
    await server.kill();
    expect((await client.closed).code).toBe(1012);
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it.concurrent("keeps to the usage of serve", async () => {
    await using folder = await project({});
    await expect(dev(["mine.mjs", "--config", "my.json"], folder.path)).rejects.toThrow(
      /exited with 2 and said: sluice: Give files or --config, not both\.\n\nUsage: sluice dev /,
    );
  });
});
