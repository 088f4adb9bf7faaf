/** The snippets of the page, run by a real shell and a real client against a real server. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { curl, httpAgent, quoted, type SnippetOf, wscat } from "../../src/playground/inspector/snippets.ts";
import type { AguiEvent } from "../../src/protocol/events.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { textOf } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const AGENT = "wise & old";
const SAID = ["It ", "is ", "so."];
const model = new SteppedModel({ always: SAID });
/** Inside the repository, so that files in it can import its packages. */
let folder: string;
let sluice: TestSluice;

beforeAll(async () => {
  mkdirSync(join(root, "test", ".tmp"), { recursive: true });
  folder = mkdtempSync(join(root, "test", ".tmp", "snippets-"));
  sluice = await startSluice({ other: { graph: chatGraph(new SteppedModel()) }, [AGENT]: { graph: chatGraph(model) } });
});

afterAll(async () => {
  await sluice.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Texts that a shell, a URL or JSON could take apart. */
const TEXTS = [
  "What is 12 * 7?",
  'it\'s "quoted" $HOME `id` $(id) \\ \\n ! # & ; | < > ~ * ? [a-z] {a,b} %20 %s',
  "'''",
  "two\nlines\r\nand a\ttab",
  "/cancel",
  '{"type":"cancel"}',
  "-n --help",
  "@/etc/passwd",
  "grüß 你好 👩‍👩‍👧 \u202Eright to left",
];

describe.each(TEXTS)("%j", (text) => {
  test("curl", async () => {
    const events = sseEvents(await shell(curl({ ...snippet(text), tokens: true })));
    expect(textOf(events)).toBe(SAID.join(""));
    expect(events.filter(({ type }) => type === "TEXT_MESSAGE_CONTENT").length).toBeGreaterThan(0);
    expect(asked()).toBe(text);
  });

  test("wscat", async () => {
    // The shell splits the command. The test does what wscat would do with the arguments.
    const sent = await shell(`npx() { printf '%s\\0' "$@"; }\n${wscat(snippet(text))}`);
    const [program, connect, url = "", wait, seconds, execute, message = ""] = sent.split("\0");
    expect([program, connect, wait, seconds, execute]).toEqual(["wscat", "-c", "-w", "60", "-x"]);
    expect(message).not.toMatch(/^-/);
    expect(textOf(await bareRun(url, message))).toBe(SAID.join(""));
    expect(asked()).toBe(text);
  });
});

test("HttpAgent, with each of these texts", async () => {
  // One process for all: each would load the client again.
  const files = TEXTS.map((text, index) => {
    const name = `agent-${index}.mjs`;
    writeFileSync(join(folder, name), httpAgent(snippet(text)));
    return name;
  });
  const all = files.map((name) => `await import("./${name}");\nconsole.log();\n`).join("");
  writeFileSync(join(folder, "all.mjs"), all);
  expect(await output(process.execPath, ["all.mjs"])).toBe(`${SAID.join("")}\n`.repeat(TEXTS.length));
  expect(model.prompts.slice(-TEXTS.length).map((prompt) => prompt.at(-1))).toEqual(TEXTS);
});

test("curl sent twice is one run", async () => {
  const command = curl(snippet("once"));
  const before = model.prompts.length;
  const first = sseEvents(await shell(command));
  expect(sseEvents(await shell(command))).toEqual(first);
  expect(model.prompts.length).toBe(before + 1);
});

test("all three do without tokens and reasoning where the page does", async () => {
  const whole = { ...snippet("whole"), tokens: false, reasoning: false };
  for (const text of [curl(whole), httpAgent(whole), wscat(whole)])
    expect(text).toContain("tokens=false&reasoning=false");
  const contents = sseEvents(await shell(curl(whole))).filter(({ type }) => type === "TEXT_MESSAGE_CONTENT");
  expect(contents).toHaveLength(1);
});

test("a page below a path stays below it", () => {
  const below = { ...snippet("hi"), base: "https://example.com/sluice/" };
  expect(curl(below)).toContain("'https://example.com/sluice/agui/agent/wise%20%26%20old/run'");
  expect(httpAgent(below)).toContain('"https://example.com/sluice/agui/agent/wise%20%26%20old/run"');
  expect(wscat(below)).toContain("'wss://example.com/sluice/ws?agent=wise+%26+old&");
});

test("a plain message stays readable", () => {
  expect(wscat(snippet("What is 12 * 7?"))).toMatch(/ -x 'What is 12 \* 7\?'$/);
});

test("quoting", async () => {
  const odd = "a'b\"c$d`e\\f\ng";
  expect(await shell(`printf %s ${quoted(odd)}`)).toBe(odd);
});

function snippet(text: string): SnippetOf {
  return {
    base: `${sluice.url}/`,
    agent: AGENT,
    threadId: `it's ${randomUUID()}`,
    runId: randomUUID(),
    messageId: randomUUID(),
    text,
    tokens: true,
    reasoning: true,
  };
}

/** The last question to the model. */
function asked(): string | undefined {
  return model.prompts.at(-1)?.at(-1);
}

function shell(command: string): Promise<string> {
  return output("sh", ["-c", command]);
}

function output(program: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], timeout: 15_000 });
    let out = "";
    let err = "";
    child.stdout.on("data", (data: Buffer) => (out += data.toString()));
    child.stderr.on("data", (data: Buffer) => (err += data.toString()));
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${program} ended with ${code}: ${err}`)),
    );
  });
}

function sseEvents(stream: string): AguiEvent[] {
  return [...stream.matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => JSON.parse(json) as AguiEvent);
}

/** Sends a message and gives what comes until its run ends. */
function bareRun(url: string, message: string): Promise<AguiEvent[]> {
  return new Promise((resolve, reject) => {
    const events: AguiEvent[] = [];
    const socket = new WebSocket(url);
    socket.on("open", () => socket.send(message));
    socket.on("error", reject);
    socket.on("message", (data) => {
      const event = JSON.parse(String(data)) as AguiEvent;
      events.push(event);
      if (event.type !== "RUN_FINISHED" && event.type !== "RUN_ERROR") return;
      socket.close();
      resolve(events);
    });
  });
}
