import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { runScript } from "./run-script.ts";

const WORDS = 40;
const messageId = "m";
const BEGIN = [
  { type: "RUN_STARTED", threadId: "t", runId: "r" },
  { type: "TEXT_MESSAGE_START", messageId, role: "assistant" },
];
const TOKENS = Array.from({ length: WORDS }, (_, index) => ({
  type: "TEXT_MESSAGE_CONTENT",
  messageId,
  delta: ` ${index}`,
}));
const END = [
  { type: "TEXT_MESSAGE_END", messageId },
  { type: "RUN_FINISHED", threadId: "t", runId: "r" },
];

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A server that answers every run with what `tell` writes. */
async function serve(tell: (response: ServerResponse) => Promise<void> | void): Promise<string> {
  const started = createServer(async (request, response) => {
    request.resume();
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    await tell(response);
    response.end();
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

function frames(...events: object[]): string {
  return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
}

async function stream(response: ServerResponse, ...events: object[]): Promise<void> {
  for (const event of events) {
    response.write(frames(event));
    await delay(15);
  }
}

test("a server that streams passes", async () => {
  const url = await serve((response) => stream(response, ...BEGIN, ...TOKENS, ...END));
  const { code, stdout } = await runScript("validate-streaming.ts", "--url", url);
  expect(stdout).toMatch(/tokens +40 \(110 characters\)/);
  expect(stdout).toMatch(/\nPassed\.\n$/);
  expect(code).toBe(0);
});

test("a server that buffers everything fails", async () => {
  const url = await serve(async (response) => {
    await delay(600);
    response.write(frames(...BEGIN, ...TOKENS, ...END));
  });
  const { code, stdout } = await runScript("validate-streaming.ts", "--url", url);
  expect(stdout).toMatch(/Failed: not in one burst, spread in time/);
  expect(code).toBe(1);
});

test("an illegal sequence fails", async () => {
  const url = await serve((response) => stream(response, ...BEGIN, ...TOKENS, ...END.slice(1)));
  const { code, stdout } = await runScript("validate-streaming.ts", "--url", url);
  expect(stdout).toContain("RUN_FINISHED while open: text message m");
  expect(stdout).toMatch(/Failed: a legal AG-UI sequence\.\n$/);
  expect(code).toBe(1);
});

test("an event after the end fails", async () => {
  const url = await serve((response) => stream(response, ...BEGIN, ...TOKENS, ...END, ...TOKENS.slice(0, 1)));
  const { code, stdout } = await runScript("validate-streaming.ts", "--url", url);
  expect(stdout).toContain("TEXT_MESSAGE_CONTENT after the terminal event RUN_FINISHED");
  expect(code).toBe(1);
});

test("a run that failed fails, and says why", async () => {
  const error = { type: "RUN_ERROR", code: "model_error", message: "The model call failed." };
  const url = await serve((response) => stream(response, ...BEGIN.slice(0, 1), error));
  const { code, stdout } = await runScript("validate-streaming.ts", "--url", url);
  expect(stdout).toContain("RUN_ERROR model_error: The model call failed.");
  expect(code).toBe(1);
});

test("one token is too short to tell, and passes", async () => {
  const url = await serve((response) => stream(response, ...BEGIN, ...TOKENS.slice(0, 1), ...END));
  const { code, stdout } = await runScript("validate-streaming.ts", "--url", url);
  expect(stdout).toContain("too short to tell");
  expect(code).toBe(0);
});

test("a refused connection is one clear line", async () => {
  const url = await serve(() => {});
  await new Promise((resolve) => server?.close(resolve));
  for (const transport of ["sse", "ws"]) {
    const { code, stdout, stderr } = await runScript("validate-streaming.ts", "--url", url, "--transport", transport);
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: "validate-streaming: The connection was refused: is the server running there?\n",
    });
  }
});

test.each(["sse", "ws"])(
  "a server of its own, over %s",
  async (transport) => {
    const { code, stdout, stderr } = await runScript("validate-streaming.ts", "--transport", transport, "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { passed, checks } = JSON.parse(stdout) as { passed: boolean; checks: unknown[] };
    expect(passed).toBe(true);
    expect(checks).toHaveLength(5);
  },
  40_000,
);
