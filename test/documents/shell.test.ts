/** Runs the commands in the documents with a shell, and compares the shown terminal output. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { settings as known } from "../../src/config/settings.ts";
import { ENDS_WITH_TESTS, killRest, type ServerProcess, serve } from "../support/child.ts";
import { connect } from "../support/ws-client.ts";
import { blocksOf, codeBlock, ROOT, rowFor } from "./code-blocks.ts";
import { patternOf, turnsOf } from "./transcript.ts";

const graph = codeBlock("README.md › Serving your own graph").code;
const typed = graph.replace("(state, config)", "(state: any, config: { writer?: any })");
const planning = typed
  .replace(
    "StateGraph(MessagesAnnotation)",
    "StateGraph(Annotation.Root({ ...MessagesAnnotation.spec, plan: Annotation<string>() }))",
  )
  .replace("{ END,", "{ Annotation, END,");

/** The files in the folder in which a block is run. */
const FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "docs/audit.md › sluice audit": {
    "my-graph.ts": typed,
    "graph.ts": planning,
    "config/agents.json": codeBlock("docs/audit.md › What it looks for").code,
  },
  "docs/why-tokens-dont-stream.md › Find out": { "my-graph.ts": typed },
};

/** The output of each command; a server is stopped after that. */
const PRINTS: readonly [command: RegExp, printed: RegExp][] = [
  [/ (serve|dev) my-graph\.mjs:graph$/, /\n {2}curl /],
  [/^curl -s .*\/chat /, /"message":"12 \* 7 = 84/],
  [/^curl -N .*\/agui /, /"RUN_FINISHED"/],
  [/^curl -N .*\/events$/, /"RUN_STARTED"[\s\S]*"RUN_FINISHED"/],
  [/^curl -X POST .*\/shares$/, /\{"share":"[\w-]+","madeAt":\d+,"secret":"[\w-]+"\}$/],
  [/ chat > answer\.txt$/, /^calculator .* gave: 84 \([\d.]+ m?s\)$/m],
  [/ doctor (\.\/|http:)/, /^✓ Tokens stream: \d+ pieces over [\d.]+ m?s, the first after [\d.]+ m?s\./m],
  [/ audit \.\//, /^my-graph: no forbidden value leaves/],
  [/ audit --config .* --json$/, /"agent": "support"[\s\S]*"exitCode": 0/],
  [/^sluice check http:\S+$/, /Every requirement that was tried is met/],
];

/** Commands that are not run, each with a reason. */
const LEFT_OUT: readonly [command: RegExp, reason: string][] = [
  [/^npm (start|test)$/, "test/e2e/start.test.ts starts it, and npm test is what runs this"],
  [/^npm pack$|^cd \.\.\/your-project && npm install /, "test/package packs and installs it"],
  [/^(POSTGRES_PASSWORD=\S+ )?docker /, "needs Docker; its settings are compared below"],
  [/^sluice check https:\/\/example\.org/, "a server of others"],
  [/^sluice check \S+ --socket /, "test/check has servers of that kind"],
];

let folder: string;
let server: ServerProcess;
/** Lines that have not ended. */
const running = new Set<ChildProcess>();

beforeAll(async () => {
  mkdirSync(join(ROOT, "test", ".tmp"), { recursive: true });
  folder = mkdtempSync(join(ROOT, "test", ".tmp", "shell-"));
  mkdirSync(join(folder, "bin"));
  const main = `exec "${process.execPath}" "${ENDS_WITH_TESTS}" "${join(ROOT, "dist", "main.js")}" "$@"`;
  command("sluice", main);
  command("npx", `case "$1" in sluice|langgraph-sluice) shift; ${main};; *) exit 127;; esac`);
  server = await serve({ DEMO_TOKENS_PER_SECOND: "100", HEARTBEAT_SECONDS: "1", COALESCE_MS: "0" });
});
afterAll(async () => {
  await Promise.all([...running].map(end)); // processes left by a test that timed out
  await server.stop();
  killRest();
  rmSync(folder, { recursive: true, force: true });
});

test.each(blocksOf("shell"))("%s does what is said of it", async (id, { code }) => {
  const path = mkdtempSync(join(folder, "folder-"));
  for (const [name, text] of Object.entries({ "my-graph.mjs": graph, ...FILES[id] })) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  for (const line of commandsIn(code)) {
    if (LEFT_OUT.some(([pattern]) => pattern.test(line))) continue;
    const [, printed] = PRINTS.find(([pattern]) => pattern.test(line)) ?? [];
    if (!printed) throw new Error(`"${line}" needs a row in PRINTS, or a reason in LEFT_OUT.`);
    await run(line.replaceAll(/127\.0\.0\.1:(8123|3000)/g, new URL(server.url).host), path, printed);
  }
  if (code.includes("answer.txt")) expect(readFileSync(join(path, "answer.txt"), "utf8")).toContain("12 * 7 = 84");
});

test("docs/deploying.md names settings that there are", () => {
  const lines = blocksOf("shell").flatMap(([, { code }]) => commandsIn(code));
  const named = lines.filter((line) => line.startsWith("docker ")).flatMap((line) => [...line.matchAll(/-e (\w+)/g)]);
  expect(named.length).toBeGreaterThan(3);
  for (const [, name = ""] of named) expect(Object.keys(known.shape)).toContain(name);
});

/** The terminal transcripts of the documents, by the commands that make them. */
const TRANSCRIPTS: Readonly<Record<string, (shown: string) => Promise<void>>> = {
  "README.md › When tokens do not stream 2": async (shown) => {
    const printed = new RegExp(
      shown
        .trim()
        .replaceAll(/\d+ ms/g, "[\\d.]+ m?s")
        .replace(/\d+/, "\\d+"),
    );
    await run(`npx langgraph-sluice doctor ${server.url}`, folder, printed);
  },
  "docs/terminal.md › sluice chat": async (shown) => {
    const [turn] = turnsOf(shown, "$ ");
    // Runs the command in a terminal and not a pipe. A terminal ends lines with a carriage return.
    const command = `script -qec '${turn?.typed}' /dev/null`;
    const out = await run(command, folder, /tokens\/s/, { NO_COLOR: "1", TERM: "dumb" });
    expect(out.replaceAll("\r", "")).toMatch(patternOf(turn?.said ?? ""));
  },
  "docs/terminal.md › wscat": (shown) => talk("/ws?format=text", shown),
  "docs/terminal.md › wscat 2": (shown) => talk("/ws", shown),
};

test.each(blocksOf("transcript"))("%s shows what is said", async (id, { code }) => {
  await rowFor(TRANSCRIPTS, id)(code);
});

/** Sends the lines typed in wscat, and compares the answers as wscat shows them. */
async function talk(path: string, shown: string): Promise<void> {
  const client = await connect(`${server.url.replace("http", "ws")}${path}`);
  for (const { typed, said } of turnsOf(shown, "> ")) {
    const from = client.frames.length;
    client.send(typed);
    const last = patternOf(said.slice(said.lastIndexOf("\n< ") + 1)).source.slice(1, -1);
    let seen = 0;
    const ended = new RegExp(`^${last}`);
    await client.until((frame) => ++seen > from && ended.test(`< ${frame}\n`));
    const heard = client.frames.slice(from).map((frame) => `< ${frame}\n`);
    expect(heard.join("")).toMatch(patternOf(said.endsWith("\n") ? said : `${said}\n`));
  }
  await client.close();
}

/** One command a line, without comments; a line that ends in a backslash continues. */
function commandsIn(code: string): string[] {
  const lines = code.replaceAll(/\\\n\s*/g, "").split("\n");
  return lines.map((line) => line.replace(/(^|\s)#.*$/, "").trim()).filter((line) => line !== "");
}

function command(name: string, script: string): void {
  const file = join(folder, "bin", name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** Runs a command until its output matches, then ends it. Returns its output. */
async function run(line: string, cwd: string, printed: RegExp, env: Record<string, string> = {}): Promise<string> {
  const PATH = [join(folder, "bin"), process.env.PATH].join(delimiter);
  const child = spawn("sh", ["-c", line], {
    cwd,
    env: { PATH, HOME: cwd, PORT: "0", KEY: "none", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // so that what it starts ends with it
  });
  running.add(child);
  child.once("close", () => running.delete(child));
  let out = "";
  const code = await new Promise<number | undefined>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        out += data.toString();
        if (printed.test(out) && /^curl -N|(serve|dev) /.test(line)) resolve(undefined);
      });
    }
    child.once("close", (code) => resolve(code ?? 1));
  });
  if (code === undefined) await end(child);
  if (code) throw new Error(`"${line}" ended with ${code}:\n${out}`);
  expect(out).toMatch(printed);
  return out;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const closed = once(child, "close");
  process.kill(-child.pid, "SIGKILL");
  await closed;
}
