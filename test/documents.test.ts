/** What the documents say, held against the code: tables are compared, snippets are run. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { assistant } from "../src/agents/assistant.ts";
import { loadDocuments } from "../src/agents/documents.ts";
import { DemoChatModel } from "../src/agents/models/demo.ts";
import { searchDocs } from "../src/agents/tools/search-docs.ts";
import { parseAgents } from "../src/config/agents.ts";
import { loadGraph } from "../src/graph/loader.ts";
import { allowListSpec, expandEventPattern } from "../src/protocol/allow-list-spec.ts";
import { ERRORS } from "../src/protocol/errors.ts";
import { EventType } from "../src/protocol/events.ts";
import { DEFAULT_ALLOWED_EVENTS } from "../src/protocol/graph-event.ts";
import { memory, startSluice, type TestSluice } from "./support/sluice.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const [readme, protocol, architecture] = ["README.md", "PROTOCOL.md", "ARCHITECTURE.md"].map((name) =>
  readFileSync(join(root, name), "utf8"),
) as [string, string, string];

/** Inside the repository, so that what is written there finds its packages. */
let folder: string;
let sluice: TestSluice;

beforeAll(async () => {
  mkdirSync(join(root, "test", ".tmp"), { recursive: true });
  folder = mkdtempSync(join(root, "test", ".tmp", "documents-"));
  const model = new DemoChatModel({ firstTokenMs: 0, tokensPerSecond: 0 });
  sluice = await startSluice({ assistant: { graph: assistant({ model, checkpointer: memory() }) } });
});

afterAll(async () => {
  await sluice.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("PROTOCOL.md", () => {
  test("has the table of errors that the code has", () => {
    const told = rows(section(protocol, "Errors")).map(([code, status, close, retryable, sentence]) => [
      code?.replaceAll("`", ""),
      { status: Number(status), ...(close ? { close: Number(close) } : {}), retryable: retryable === "yes", sentence },
    ]);
    expect(Object.fromEntries(told)).toEqual(ERRORS);
    expect(told.map(([code]) => code)).toEqual(Object.keys(ERRORS));
  });

  test("names routes that exist", async () => {
    const routes = [...protocol.matchAll(/`(GET|POST|PUT|DELETE) (\/[^\s`]*)`/g)];
    const known = rows(section(protocol, "HTTP")).length;
    expect(known).toBeGreaterThan(5);
    expect(routes.length).toBeGreaterThanOrEqual(known);
    for (const [, method = "", path = ""] of routes) {
      if (path === "/ws") continue; // no route but an upgrade
      const url = `${sluice.url}${path.replace(":agent", "assistant").replace(":threadId", "T").replace("NAME", "assistant").replace("THREAD", "T")}`;
      const response = await fetch(url, { method });
      const body = await response.text();
      expect(`${method} ${path}: ${body}`).not.toContain("There is no such route");
    }
  });

  test("lists every route the server lists", async () => {
    const listed = (await (await fetch(sluice.url)).text()).matchAll(/^(GET|POST) +(\/[^\s,]*)/gm);
    for (const [, method, path = ""] of listed)
      expect(protocol).toContain(
        `\`${method} ${path.replace(/:thread$/, ":threadId").replace("/:thread/", "/:threadId/")}\``,
      );
  });

  test("maps graph events that exist to AG-UI events that exist", () => {
    const mapping = rows(section(protocol, "From graph events to AG-UI events"));
    expect(mapping.length).toBeGreaterThan(8);
    for (const [from = "", to = ""] of mapping) {
      for (const [, name = ""] of from.matchAll(/`(on_[\w*]+)`/g))
        expect([name, expandEventPattern(name)]).not.toEqual([name, []]);
      for (const [, name = ""] of to.matchAll(/`([A-Z_]{3,})`/g)) expect(Object.keys(EventType)).toContain(name);
    }
  });

  test("speaks of no AG-UI event that does not exist", () => {
    const starts = /^(RUN|STEP|TEXT_MESSAGE|TOOL_CALL|REASONING|STATE|MESSAGES|ACTIVITY|RAW|CUSTOM)(_|$)/;
    const named = [...`${protocol}${readme}`.matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map(([, name = ""]) => name);
    const events = named.filter((name) => starts.test(name));
    expect(events.filter((name) => !(name in EventType))).toEqual([]);
  });

  test("gives the default allow-list", () => {
    expect(protocol).toContain(`\`${DEFAULT_ALLOWED_EVENTS.join(",")}\``);
  });

  test("shows a filter that is one", () => {
    const [filter = ""] = blocks(section(protocol, "Filters by node, tag, name and depth"), "json");
    expect(allowListSpec.safeParse(JSON.parse(filter))).toMatchObject({ success: true });
  });

  test("shows only JSON that is JSON", () => {
    for (const json of blocks(protocol, "json")) expect(() => JSON.parse(json) as unknown).not.toThrow();
  });
});

describe("README.md", () => {
  test("shows a graph file that is served", async () => {
    const [graph = ""] = blocks(readme, "js my-graph.js");
    writeFileSync(join(folder, "my-graph.mjs"), graph);
    const served = await startSluice({ mine: { graph: await loadGraph("./my-graph.mjs:graph", folder) } });
    try {
      const body = JSON.stringify({ message: "hello" });
      const response = await fetch(`${served.url}/chat`, { method: "POST", headers: JSON_TYPE, body });
      expect(await response.json()).toMatchObject({ message: "Water finds its way." });
    } finally {
      await served.close();
    }
  });

  test("shows an agents.json that is one", () => {
    const [json = ""] = blocks(section(readme, "config/agents.json"), "json");
    expect(Object.keys(parseAgents("agents.json", json).agents)).toEqual(["assistant", "research"]);
  });

  test("shows an HttpAgent that works", async () => {
    const [code = ""] = blocks(readme, "js http-agent");
    const out = await run("http-agent.mjs", code);
    expect(out).toContain("12 * 7 = 84");
    expect(out).toContain("[ 'user', 'assistant', 'tool', 'assistant' ]");
  });

  test("shows a WebSocket that works", async () => {
    const [code = ""] = blocks(readme, "js websocket");
    expect(await run("websocket.mjs", code)).toContain("12 * 7 = 84");
  });

  test("shows a body for curl that starts a run", async () => {
    const [, body = ""] = /curl -N .*\n\s+-d '([^']+)'/.exec(readme) ?? [];
    const response = await fetch(`${sluice.url}/agui`, { method: "POST", headers: JSON_TYPE, body });
    expect(await response.text()).toContain("RUN_FINISHED");
  });
});

test("links between the documents lead to headings that are there", () => {
  const documents: Record<string, string> = {
    "README.md": readme,
    "PROTOCOL.md": protocol,
    "ARCHITECTURE.md": architecture,
  };
  for (const [name, text] of Object.entries(documents)) {
    for (const [, file = "", anchor = ""] of text.matchAll(/\]\(([\w.]*)#([\w-]+)\)/g)) {
      expect([`${name} -> ${file}#${anchor}`, anchors(documents[file || name] ?? "")]).toEqual([
        `${name} -> ${file}#${anchor}`,
        expect.arrayContaining([anchor]),
      ]);
    }
  }
});

test.each([
  ["how do I resume a run?", "Resuming a run"],
  ["how do I cancel a run?", "Cancelling a run"],
  ["how can I use my own model?", "Using your own model"],
  ["how do I serve my own graph?", "Serving your own graph"],
  ["how can I narrow what leaves?", "Narrowing what leaves"],
  ["what are the close codes?", "Close codes"],
])("the bundled agent answers %s", async (query, title) => {
  const found = (await searchDocs(await loadDocuments(root)).invoke({ query })) as string;
  expect((JSON.parse(found) as { title: string }[])[0]?.title).toBe(title);
});

const JSON_TYPE = { "Content-Type": "application/json" };

/** Runs a snippet against the test's server and gives what it printed. */
async function run(name: string, code: string): Promise<string> {
  const file = join(folder, name);
  writeFileSync(file, code.replaceAll("127.0.0.1:8123", new URL(sluice.url).host));
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (out += data.toString()));
  const code_ = await new Promise((resolve) => child.once("close", resolve));
  if (code_ !== 0) throw new Error(`${name} ended with ${code_}:\n${out}`);
  return out;
}

/** The text under a heading, up to the next heading of any level. */
function section(document: string, title: string): string {
  const [, text] = new RegExp(`^#+ ${title}\\n([\\s\\S]*?)(?=^#+ |$(?![\\s\\S]))`, "m").exec(document) ?? [];
  if (text === undefined) throw new Error(`There is no section "${title}".`);
  return text;
}

/** The fenced blocks whose info string is `info`. */
function blocks(text: string, info: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${info}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, code = ""]) => code);
}

/** The cells of the first table, without its head. */
function rows(text: string): string[][] {
  const [table = ""] = /(?:^\|.*\n)+/m.exec(text) ?? [];
  return table
    .trim()
    .split("\n")
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The anchors that GitHub gives a document's headings. */
function anchors(document: string): string[] {
  const headings = document.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
