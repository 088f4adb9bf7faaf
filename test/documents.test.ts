/** The documents compared with the code: tables are compared, snippets are run. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assistant } from "../src/agents/assistant.ts";
import { loadDocuments } from "../src/agents/documents.ts";
import { DemoChatModel } from "../src/agents/models/demo.ts";
import { searchDocs } from "../src/agents/tools/search-docs.ts";
import { Sequence } from "../src/check/sequence.ts";
import { defaultAgent, parseAgents } from "../src/config/agents.ts";
import { settings as known, readSettings } from "../src/config/settings.ts";
import { allowList } from "../src/graph/allow-list.ts";
import { allowListSpec, expandEventPattern } from "../src/protocol/allow-list-spec.ts";
import { ERRORS, type ErrorCode, finalClose, finalStatus, SENTENCES } from "../src/protocol/errors.ts";
import { EventType } from "../src/protocol/events.ts";
import { parseClientFrame } from "../src/protocol/frames.ts";
import {
  DEFAULT_ALLOWED_EVENTS,
  GRAPH_EVENT_NAMES,
  type GraphEvent,
  type GraphEventName,
} from "../src/protocol/graph-event.ts";
import { threadTopic } from "../src/protocol/ids.ts";
import { ExposedState } from "../src/translate/state.ts";
import { memory, startSluice, type TestSluice } from "./support/sluice.ts";
import {
  ai,
  callPiece,
  custom,
  event,
  modelEnd,
  modelStart,
  nodeEnd,
  nodeStart,
  thought,
  token,
  toolEnd,
  toolError,
  toolMessage,
  toolStart,
  translate,
  update,
} from "./translate/events.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Every document, by its path from the root. */
const documents = new Map(
  [...readdirSync(root), ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)]
    .filter((name) => name.endsWith(".md"))
    .map((name) => [name, readFileSync(join(root, name), "utf8")]),
);
const document = (name: string) => {
  const text = documents.get(name);
  if (text === undefined) throw new Error(`There is no ${name}.`);
  return text;
};
const [readme, protocol, architecture] = [document("README.md"), document("PROTOCOL.md"), document("ARCHITECTURE.md")];
const settings = document("docs/settings.md");

/** Inside the repository, so that files in it can import its packages. */
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

test.each([...documents])("%s publishes no container's port to the network", (_, text) => {
  for (const [, published = ""] of text.matchAll(/^docker run .*?-p (\S+)/gm))
    expect(published).toMatch(/^127\.0\.0\.1:/);
});

describe("PROTOCOL.md", () => {
  test("has the table of errors that the code has", () => {
    const received = rows(section(protocol, "Errors")).map(([code, status, close, retryable, sentence]) => [
      code?.replaceAll("`", ""),
      { status: Number(status), ...(close ? { close: Number(close) } : {}), retryable: retryable === "yes", sentence },
    ]);
    const said = Object.entries(ERRORS).map(([code, row]) => [
      code,
      { ...row, sentence: SENTENCES[code as ErrorCode] },
    ]);
    expect(Object.fromEntries(received)).toEqual(Object.fromEntries(said));
    expect(received.map(([code]) => code)).toEqual(Object.keys(ERRORS));
  });

  test("says after which close codes a client comes back, as the client does", () => {
    for (const [codes = "", , back = ""] of rows(section(protocol, "Close codes"))) {
      for (const [code] of codes.matchAll(/\d+/g))
        expect([code, finalClose(Number(code)) !== undefined]).toEqual([code, back.startsWith("no")]);
    }
    const [, listed = ""] = /the upgrade refused with ([\d, or]+) \| give up/.exec(protocol) ?? [];
    const final = Array.from({ length: 200 }, (_, index) => 400 + index).filter((status) => finalStatus(status));
    expect(listed.match(/\d+/g)?.map(Number)).toEqual(final);
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
      const watches = response.headers.get("content-type")?.startsWith("text/event-stream");
      const body = watches ? await response.body?.cancel() : await response.text();
      expect(`${method} ${path}: ${body}`).not.toContain("There is no such route");
    }
  });

  test("lists every route the server lists", async () => {
    const listed = (await (await fetch(sluice.url)).text()).matchAll(/^(GET|POST|DELETE) +(\/[^\s,]*)/gm);
    for (const [, method, path = ""] of listed)
      expect(protocol).toContain(
        `\`${method} ${path.replace(/:thread$/, ":threadId").replace("/:thread/", "/:threadId/")}\``,
      );
  });

  describe("maps graph events as the code does:", () => {
    const mapping = rows(section(protocol, "From graph events to AG-UI events"));
    /** The treatment of each graph event in the table, by name. */
    const received = new Map<string, readonly string[]>();
    for (const [index, [from = "", to = ""]] of mapping.entries()) {
      const types = typesIn(to.includes("the same events") ? (mapping[index - 1]?.[1] ?? "") : to);
      for (const [, pattern = ""] of from.matchAll(/`(on_[\w*]+)`/g)) {
        for (const name of expandEventPattern(pattern)) received.set(name, [...(received.get(name) ?? []), ...types]);
      }
    }

    test("each has a row, and no other", () => {
      expect([...received.keys()].sort()).toEqual([...GRAPH_EVENT_NAMES].sort());
    });

    test.each(GRAPH_EVENT_NAMES)("%s", (name) => {
      // A node's end closes only what its start opened.
      const beside: GraphEventName[] = name === "on_chain_end" ? ["on_chain_start"] : [];
      const events = [name, ...beside];
      const made = translate(EVERYTHING, { allowList: allowList({ events }), reasoningTags: ["think"] }).slice(1, -1);
      const types = new Set<string>(made.map((event) => event.type));
      expect([...types].sort()).toEqual([...new Set(events.flatMap((each) => received.get(each)))].sort());
    });

    test("exposed state", () => {
      const [, to = ""] = mapping.find(([from]) => from?.includes("`state`")) ?? [];
      const state = new ExposedState();
      const long = "long enough that a patch is shorter than all of it";
      const made = [...state.push({ plan: [long] }), ...state.push({ plan: [long, "b"] }), ...state.finish()];
      expect(new Set(made.map((event) => event.type))).toEqual(new Set(typesIn(to)));
    });

    test.each(rows(section(protocol, "Custom events from a graph")))("custom events named %s", (names, _, to = "") => {
      const plans = [{ plan: ["a".repeat(80)] }, { plan: ["a".repeat(80), "b"] }];
      const values: Record<string, readonly unknown[]> = {
        manually_emit_message: [{ message: "Hello.", message_id: "emitted" }],
        manually_emit_tool_call: [{ id: "emitted", name: "look", args: {} }],
        manually_emit_activity: [
          { activity_type: "PLAN", message_id: "emitted", content: {} },
          { message_id: "emitted", patch: [{ op: "add", path: "/steps", value: [] }] },
        ],
      };
      for (const [, name = ""] of names?.matchAll(/`(\w+)`/g) ?? []) {
        for (const asked of [name, `copilotkit_${name}`]) {
          const events = (values[name] ?? plans).map((value) => custom(asked, value));
          const made = translate(events, { stateKeys: ["plan"] }).slice(1, -1);
          expect([asked, [...new Set(made.map((event) => event.type))].sort()]).toEqual([asked, typesIn(to).sort()]);
        }
      }
    });
  });

  test("lists the frames that a client may send", () => {
    const listed = rows(section(protocol, "Frames from the client")).map(([frame]) => frame?.replaceAll("`", ""));
    expect(() => parseClientFrame('{"type":"?"}')).toThrow(`valid are ${listed.join(", ")}.`);
  });

  test("shows frames as they are", () => {
    const [run = "", back = ""] = blocks(section(protocol, "Frames from the server"), "");
    const sent = `${run}${back}`.split("\n").flatMap((line) => (line.startsWith("> ") ? [line.slice(2)] : []));
    expect(sent.map((frame) => parseClientFrame(frame).type)).toEqual(["run", "subscribe"]);
    const listed = rows(section(protocol, "Frames from the server")).map(([frame]) => frame?.replaceAll("`", ""));
    for (const [, type] of `${run}${back}`.matchAll(/^< \{"v":1,"type":"(\w+)"/gm)) expect(listed).toContain(type);
  });

  test("shows a client for frames that comes back", async () => {
    const [code = ""] = blocks(protocol, "js frames");
    expect(await run("frames.mjs", code)).toMatch(/^12 \* 7 = 84\s+\(demo model\)$/);
  });

  test("says how a topic is written", () => {
    const [, kept = ""] = /except `([^`]+)`, as JavaScript's/.exec(protocol) ?? [];
    const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index));
    const inRanges = (char: string) => kept.split(" ").some((part) => new RegExp(`^[${escaped(part)}]$`).test(char));
    for (const char of printable)
      expect([char, threadTopic(char)]).toEqual([char, `thread:${inRanges(char) ? char : encodeURIComponent(char)}`]);
    expect(printable.filter((char) => inRanges(char) !== (encodeURIComponent(char) === char))).toEqual([]);
  });

  test("speaks of no AG-UI event that does not exist", () => {
    const starts = /^(RUN|STEP|TEXT_MESSAGE|TOOL_CALL|REASONING|STATE|MESSAGES|ACTIVITY|RAW|CUSTOM)(_|$)/;
    const named = [...[...documents.values()].join("\n").matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map(
      ([, name = ""]) => name,
    );
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

  test("shows responses whose events are legal as far as they are shown", () => {
    const responses = protocol.split(/^```\w*$/m).filter((block) => block.includes("\ndata: {"));
    expect(responses.length).toBeGreaterThan(1);
    for (const response of responses) {
      const sequence = new Sequence();
      for (const [, json = ""] of response.matchAll(/^data: (.*)$/gm)) sequence.push(json.replace("[...]", "[]"));
      expect(sequence.problems).toEqual([]);
    }
  });
});

describe("README.md and docs/", () => {
  test("are of a length to be read", () => {
    expect(readme.trimEnd().split("\n").length).toBeLessThanOrEqual(200);
  });

  test("explains every field of an agent, and no other", () => {
    const explained = rows(section(settings, "config/agents.json")).flatMap(([names = ""]) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
    );
    expect(explained).toEqual(expect.arrayContaining(Object.keys(defaultAgent("graph"))));
    // The complaint about a known name with a wrong value differs from that about an unknown name.
    const complaint = (field: string) => {
      try {
        parseAgents("agents.json", JSON.stringify({ agents: { one: { graph: "graph", [field]: null } } }));
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    };
    expect(complaint("nonsense")).toMatch(/unrecognized/i);
    for (const field of explained) expect(complaint(field)).not.toMatch(/unrecognized/i);
  });

  test("gives the defaults that settings have", () => {
    const defaults: Record<string, unknown> = readSettings({});
    for (const [names = "", values = ""] of rows(section(settings, "Settings"))) {
      const quoted = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);
      for (const [index, name] of quoted(names).entries()) {
        expect(Object.keys(known.shape)).toContain(name);
        const received = quoted(values)[index];
        if (received !== undefined) expect([name, received]).toEqual([name, String(defaults[name])]);
      }
    }
  });

  test("imports what the package exports", () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: object };
    const imported = [...[...documents.values()].join("\n").matchAll(/from "langgraph-sluice([\w/]*)"/g)].map(
      ([, entry]) => `.${entry}`,
    );
    expect(imported.length).toBeGreaterThan(0);
    for (const entry of imported) expect(Object.keys(manifest.exports)).toContain(entry);
  });
});

test("ARCHITECTURE.md has a row for every room, and for no other", () => {
  const listed = rows(section(architecture, "Rooms")).flatMap(([names = ""]) =>
    [...names.matchAll(/`([\w.]+)\/?`/g)].map(([, name]) => name),
  );
  expect(listed.sort()).toEqual(readdirSync(join(root, "src")).sort());
});

test("links between the documents lead to files and headings that are there", () => {
  const links = [...documents].flatMap(([name, text]) =>
    [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(([, file = "", anchor]) => ({
      from: `${name} -> ${file}#${anchor ?? ""}`,
      path: file === "" ? name : posix.join(posix.dirname(name), file),
      anchor,
    })),
  );
  expect(links.length).toBeGreaterThan(30);
  const broken = links.filter(({ path, anchor }) => {
    if (!existsSync(join(root, path))) return true;
    return anchor !== undefined && !anchors(documents.get(path) ?? "").includes(anchor);
  });
  expect(broken.map(({ from }) => from)).toEqual([]);
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

/** One of each graph event, as a busy graph would emit them. Each test decides which are admitted. */
const EVERYTHING: GraphEvent[] = [
  nodeStart("work"),
  modelStart("m", { node: "work" }),
  thought("m", "Hm.", { node: "work" }),
  token("m", { content: [{ type: "thinking", thinking: "", signature: "sealed" }] }, { node: "work" }),
  token("m", "Hello.", { node: "work" }),
  callPiece("m", { id: "c", name: "look", args: "{}" }, { node: "work" }),
  modelEnd(
    "m",
    {
      content: [
        { type: "thinking", thinking: "Hm.", signature: "sealed" },
        { type: "text", text: "Hello." },
      ],
      tool_calls: [{ id: "c", name: "look", args: {}, type: "tool_call" }],
    },
    { node: "work" },
  ),
  event("on_llm_start", "l", { input: {} }),
  event("on_llm_stream", "l", { chunk: { text: "<think>Hm.</think>Hello." } }),
  event("on_llm_end", "l", { output: { generations: [[{ text: "Hello." }]] } }),
  toolStart("t1", "look", {}, { call: "other" }),
  toolEnd("t1", "look", "done", { call: "other" }),
  toolError("t2", "look", "broken", { call: "another" }),
  custom("progress", 1),
  ...(["on_retriever_start", "on_retriever_end", "on_prompt_start", "on_prompt_end"] as const).map((name) =>
    event(name, "x", {}),
  ),
  ...(["on_parser_start", "on_parser_stream", "on_parser_end"] as const).map((name) => event(name, "y", {})),
  event("on_chain_stream", "work", { chunk: {} }),
  nodeEnd("work"),
  // A node that adds messages that were not streamed: a call with its reasoning, and then its result.
  nodeStart("own"),
  nodeEnd("own", {
    output: update(
      ai("added", "", {
        content: [
          { type: "thinking", thinking: "Hm.", signature: "sealed" },
          { type: "text", text: "Done." },
        ],
        tool_calls: [{ id: "own", name: "look", args: {}, type: "tool_call" }],
      }),
    ),
  }),
  nodeStart("answer"),
  nodeEnd("answer", { output: update(toolMessage("own", "No.")) }),
];

/** Runs a snippet against the test's server and gives what it printed. */
async function run(name: string, code: string): Promise<string> {
  const file = join(folder, name);
  const client = `${join(root, "src", "client")}/`;
  const here = code
    .replaceAll("127.0.0.1:8123", new URL(sluice.url).host)
    // The exports of the package, before it is built.
    .replace(/"langgraph-sluice\/client(?:\/(\w+))?"/, (_, entry = "index") => JSON.stringify(`${client}${entry}.ts`))
    .replace('"langgraph-sluice"', JSON.stringify(join(root, "src", "index.ts")));
  writeFileSync(file, here);
  const child = spawn(process.execPath, ["--import", "tsx", file], { stdio: ["ignore", "pipe", "pipe"] });
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

/** The AG-UI event types that a cell names. */
function typesIn(cell: string): string[] {
  const names = [...cell.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name = ""]) => name);
  for (const name of names) expect(Object.keys(EventType)).toContain(name);
  return names;
}

/** A list of characters and ranges as the inside of a class in a regular expression. */
function escaped(part: string): string {
  return /^[A-Za-z0-9]-[A-Za-z0-9]$/.test(part) ? part : part.replace(/[\]\\^-]/g, "\\$&");
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
