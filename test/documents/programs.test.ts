/** The JavaScript blocks. Each is run as a person would: in a separate folder, with the built package and a server. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killRest, type ServerProcess, serve } from "../support/child.ts";
import { blocksOf, codeBlock, ROOT, rowFor } from "./code-blocks.ts";

interface Program {
  readonly name?: string;
  /** Beside the program. */
  readonly files?: Readonly<Record<string, string>>;
  readonly before?: string;
  readonly after?: string;
  /** Its output, in this order. */
  readonly prints: readonly (string | RegExp)[];
}

const graph = codeBlock("README.md › Serving your own graph").code;

/** Asks the app for its page, for an answer and for a frame, and closes it. */
const TALK = `
import { once } from "node:events";
import { WebSocket } from "ws";
await once(server, "listening");
const { port } = server.address();
console.log(await (await fetch(\`http://127.0.0.1:\${port}/\`)).text());
const headers = { "Content-Type": "application/json", Connection: "close" };
const body = JSON.stringify({ message: "hello" });
console.log(await (await fetch(\`http://127.0.0.1:\${port}/ai/chat\`, { method: "POST", headers, body })).text());
const socket = new WebSocket(\`ws://127.0.0.1:\${port}/ai/ws\`);
await once(socket, "open");
socket.send("hello");
console.log(String((await once(socket, "message"))[0]));
await sluice.close();
server.close();
`;
const APP: Program = {
  files: { "my-graph.mjs": graph },
  after: TALK,
  prints: ["my own page", "Water finds its way.", "RUN_STARTED"],
};
const ANSWER = /12 \* 7 = 84\s+\(demo model\)/;
const ROLES = "[ 'user', 'assistant', 'tool', 'assistant' ]";

/** Sends a message, and another one during the first answer, so that the graph can take it. */
const STEER = `
const { once } = await import("node:events");
const { createServer } = await import("node:http");
const { createSluice } = await import("langgraph-sluice");
const { WebSocket } = await import("ws");
const sluice = createSluice({ agents: { it: served } });
const server = createServer((request, response) => sluice.router(request, response, () => response.end()));
sluice.attach(server);
await once(server.listen(0, "127.0.0.1"), "listening");
const socket = new WebSocket(\`ws://127.0.0.1:\${server.address().port}/ws\`);
await once(socket, "open");
let received = "";
socket.on("message", (data) => { received += data; });
// Several messages may come in one turn of the event loop.
const until = async (text) => { while (!received.includes(text)) await once(socket, "message"); };
socket.send("one");
await until("RUN_STARTED");
socket.send("/inject two");
await until("sluice.injected");
release();
await until("RUN_FINISHED");
console.log(heard.join(" | "));
await sluice.close();
server.close();
`;
/** A model that waits first, and records its prompts. */
const LISTENING = `
import { AIMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
const heard = [];
let release;
const released = new Promise((resolve) => { release = resolve; });
class Listening extends FakeListChatModel {
  constructor() { super({ responses: ["Yes."] }); }
  bindTools() { return this; }
  async *_streamResponseChunks(messages, ...rest) {
    heard.push(messages.filter(({ type }) => type === "human").map(({ text }) => text).join(","));
    yield* super._streamResponseChunks(messages, ...rest);
  }
}
`;

const PROGRAMS: Readonly<Record<string, Program>> = {
  "README.md › Serving your own graph": {
    after: `const messages = [{ role: "user", content: "hello" }];
      console.log((await graph.invoke({ messages })).messages.at(-1).text);`,
    prints: ["Water finds its way."],
  },
  "README.md › Serving your own graph 3": {
    before: `import { createServer } from "node:http";
      import express from "express";
      import { createSluice } from "langgraph-sluice";
      import { graph } from "./my-graph.mjs";
      const app = express();
      const server = createServer(app);
      app.get("/", (_request, response) => void response.send("my own page"));`,
    ...APP,
    after: `server.listen(0, "127.0.0.1");${TALK}`,
  },
  "docs/embedding.md › Embedding": APP,
  "docs/embedding.md › Hono, Next.js and other frameworks of web standards": APP,
  "docs/embedding.md › Rejections that nobody handles": {
    after: `void Promise.reject(new Error("left alone")); setTimeout(() => console.log("still here"), 20);`,
    prints: ["A promise was rejected and nobody handled it: Error: left alone", "still here"],
  },
  "docs/embedding.md › Who may come in": {
    after: `console.log([
      { url: "/ai/threads", headers: { cookie: "theme=dark; session=s3cret" } },
      { url: "/ai/ws?thread=t&token=s3cret", headers: {} },
      { url: "/ai/ws?token=other", headers: {} },
      { url: "/ai/threads", headers: { cookie: "xsession=s3cret" } },
      { url: "/ai/threads", headers: {} },
    ].map(authorize).join());`,
    prints: ["true,true,false,false,false"],
  },
  "docs/frontends.md › AG-UI's HttpAgent": { prints: [ANSWER, ROLES] },
  "docs/frontends.md › A plain WebSocket": { prints: ["12 * 7 = 84"] },
  "docs/frontends.md › Frames: many threads, and coming back": { prints: [ANSWER, ROLES] },
  "docs/frontends.md › Frames: many threads, and coming back 2": { prints: [ANSWER] },
  "docs/graphs.md › A model without a key": {
    after: `const { MemorySaver, Command } = await import("@langchain/langgraph");
      graph.checkpointer = new MemorySaver();
      const options = { configurable: { thread_id: "t" } };
      const asked = await graph.invoke({ messages: [{ role: "user", content: 'Please refund "A17"' }] }, options);
      console.log(asked.__interrupt__[0].value.message);
      const { messages } = await graph.invoke(new Command({ resume: { approved: true } }), options);
      console.log(messages.at(-1).text);`,
    prints: ["May I refund order A17?", "Order A17 is refunded."],
  },
  "docs/graphs.md › Activities": {
    after: `const written = [];
      await work({}, { writer: (event) => written.push(event.name, event.value.message_id) });
      console.log(written.join(" "));`,
    prints: ["manually_emit_activity plan manually_emit_activity plan"],
  },
  "docs/graphs.md › Messages into an active run": {
    before: `${LISTENING}
      import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
      const llm = new Listening();`,
    after: `const served = new StateGraph(MessagesAnnotation)
      .addNode("wait", async () => { await released; return {}; })
      .addNode("model", model)
      .addEdge(START, "wait")
      .addEdge("wait", "model");
      ${STEER}`,
    prints: ["one,two"],
  },
  "docs/graphs.md › Messages into an active run 2": {
    before: `${LISTENING}
      const tools = [];
      class Waiting extends Listening {
        async *_streamResponseChunks(...asked) { await released; yield* super._streamResponseChunks(...asked); }
      }
      const model = new Waiting();`,
    after: `const served = agent;\n${STEER}`,
    prints: ["one | one,two"],
  },
};

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  // In the checkout, where \`langgraph-sluice\` is this package, and its dependencies are found.
  mkdirSync(join(ROOT, "test", ".tmp"), { recursive: true });
  folder = mkdtempSync(join(ROOT, "test", ".tmp", "documents-"));
  server = await serve();
});
afterAll(async () => {
  await server.stop();
  killRest();
  rmSync(folder, { recursive: true, force: true });
});

test.each(blocksOf("program"))("%s does what is said of it", async (id, { code }) => {
  const { files = {}, before = "", after = "", prints } = rowFor(PROGRAMS, id);
  const path = mkdtempSync(join(folder, "program-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  const here = code.replaceAll("127.0.0.1:8123", new URL(server.url).host).replace("3000", "0");
  writeFileSync(join(path, "program.mjs"), `${before}\n${here}\n${after}`);
  const out = await run(path);
  let from = 0;
  for (const print of prints) {
    const rest = out.slice(from);
    const found = typeof print === "string" ? rest.indexOf(print) : rest.search(print);
    if (found < 0) expect(rest).toContain(String(print));
    from += found + 1;
  }
});

/** Runs the program in a folder to its end, and gives what it printed. */
async function run(path: string): Promise<string> {
  const child = spawn(process.execPath, ["program.mjs"], { cwd: path, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (out += data.toString()));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`The program ended with ${code}:\n${out}`);
  return out;
}
