/** The checks for CI of a served agent: each passes on what is in order, and fails on what is not. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { behaviourChecks } from "../../scripts/check-behaviour.ts";
import { wireChecks } from "../../scripts/check-wire.ts";
import type { Check } from "../../scripts/checks/check.ts";
import { type ModelEndpoint, modelEndpoint } from "../doctor/model-endpoint.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph } from "../support/stepped-model.ts";
import { type Ended, runScript } from "./run-script.ts";

const ANSWER = "The river goes where the ground lets it, and takes its time.";
const GRAPHS = "test/doctor/graphs/graphs.mjs";

// They run side by side, each in a process or two of its own, and wait for each other where there are few cores.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let sluice: TestSluice;
let model: ModelEndpoint;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const speaking = new FakeListChatModel({ responses: [ANSWER], sleep: 10 });
  const failing = new FakeListChatModel({ responses: [ANSWER], emitCustomEvent: false });
  failing.invoke = () => Promise.reject(new Error("The model is out."));
  sluice = await startSluice({ chat: { graph: chatGraph(speaking) }, failing: { graph: chatGraph(failing) } });
  model = await modelEndpoint();
  process.env.MODEL_URL = model.baseUrl; // The scripts are given it.
});

afterAll(async () => {
  await Promise.all(closers.map((close) => close()));
  await sluice.close();
  await model.close();
});

interface Meddling {
  /** What becomes of a request before the server sees it. */
  readonly asked?: (request: IncomingMessage) => void;
  /** What becomes of a piece of an event stream. */
  readonly told?: (text: string) => string;
}

/** A proxy in front of the Sluice that meddles with HTTP, and lets WebSockets through. */
async function meddling({ asked = () => {}, told = (text) => text }: Meddling): Promise<string> {
  const { hostname, port, host } = new URL(sluice.url);
  const proxy = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    asked(incoming);
    const { method, url, headers } = incoming;
    const ask = request({ hostname, port, method, path: url, headers: { ...headers, host } }, (answer) => {
      const { "content-length": _, ...rest } = answer.headers;
      response.writeHead(answer.statusCode ?? 0, rest);
      answer.setEncoding("utf8");
      answer.on("data", (text: string) => response.write(told(text)));
      answer.on("end", () => response.end());
    });
    response.on("close", () => ask.destroy());
    ask.on("error", () => response.destroy());
    incoming.pipe(ask);
  });
  proxy.on("upgrade", (incoming, client) => {
    const upstream = connect(Number(port), hostname, () => {
      const headers = Object.entries({ ...incoming.headers, host }).map(([name, value]) => `${name}: ${value}`);
      upstream.write([`GET ${incoming.url} HTTP/1.1`, ...headers, "", ""].join("\r\n"));
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) socket.on("error", () => upstream.destroy());
  });
  closers.push(() => {
    proxy.closeAllConnections();
    return new Promise((resolve) => proxy.close(resolve));
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

function outcome({ code, stdout, stderr }: Ended) {
  const lines = stdout.split("\n").filter((line) => /^ {2}(ok|FAIL)/.test(line));
  return { code, stderr, failed: lines.filter((line) => line.startsWith("  FAIL")), count: lines.length };
}

const ASK = { message: "Hello! What can you do?", timeoutMs: 15_000 };

/** As the scripts print them. */
function failures(checks: readonly Check[]): string[] {
  return checks.filter(({ passed }) => !passed).map(({ name, found }) => `${name}: ${found}`);
}

describe("check-wire", () => {
  const check = async (url: string, agent?: string) => failures(await wireChecks({ ...ASK, url, agent }));

  it.concurrent("passes on a Sluice", async () => {
    const done = await runScript("check-wire.ts", "--url", sluice.url);
    expect(outcome(done)).toEqual({ code: 0, stderr: "", failed: [], count: 5 });
  });

  it.concurrent.each<[string, Meddling, RegExp]>([
    [
      "a cursor told twice",
      { told: (text) => text.replace(/^id: (\w+):\d+$/gm, "id: $1:3") },
      /does not follow the one before/,
    ],
    ["no cursors", { told: (text) => text.replace(/^id: .*\n/gm, "") }, /the last event has no cursor/],
    [
      "a line of another kind",
      { told: (text) => text.replace(/^data: /gm, "event: x\ndata: ") },
      /no line of an event stream/,
    ],
    [
      "an event that is none",
      { told: (text) => text.replaceAll("TEXT_MESSAGE_END", "TEXT_MESSAGE_OVER") },
      /no AG-UI event/,
    ],
    [
      "an end that is missing",
      { told: (text) => text.replaceAll('"RUN_FINISHED"', '"CUSTOM","name":"x","value":1') },
      /its end is missing/,
    ],
  ])("fails on %s, and only where it is", async (_name, how, says) => {
    const failed = await check(await meddling(how));
    expect(failed).toEqual([expect.stringMatching(says)]);
    expect(failed[0]).toContain("SSE");
  });

  it.concurrent("fails on runs that fail", async () => {
    expect(await check(sluice.url, "failing")).toHaveLength(4);
  });

  it.concurrent("says in one line that nobody is there, with the exit code of a failure", async () => {
    const { code, failed } = outcome(await runScript("check-wire.ts", "--url", "http://127.0.0.1:9"));
    expect(code).toBe(1);
    expect(failed).toHaveLength(5);
  });
});

describe("check-behaviour", () => {
  const check = async (url: string, agent?: string) => failures(await behaviourChecks({ ...ASK, url, agent }));

  it.concurrent("passes on a Sluice", async () => {
    const done = await runScript("check-behaviour.ts", "--url", sluice.url, "--timeout", "15");
    expect(outcome(done)).toEqual({ code: 0, stderr: "", failed: [], count: 7 });
  });

  it.concurrent("fails where a proxy takes Last-Event-ID away", async () => {
    const url = await meddling({ asked: ({ headers }) => Reflect.deleteProperty(headers, "last-event-id") });
    const failed = await check(url);
    expect(failed).toEqual([expect.stringMatching(/resume: cursor \d+ comes after \d+: something was told twice/)]);
  });

  it.concurrent("fails where tokens are lost over SSE", async () => {
    const url = await meddling({ told: (text) => text.replace(/"delta":"(r)"/g, '"delta":"."') });
    const failed = await check(url);
    expect(failed.join("\n")).toContain("stream: the thread's messages are not what was streamed");
  });

  it.concurrent("fails on an agent that does not answer", async () => {
    const failed = await check(sluice.url, "failing");
    expect(failed.length).toBeGreaterThanOrEqual(4);
  });
});

describe("check-wiring", () => {
  const check = async (graph: string, ...args: string[]) =>
    outcome(await runScript("check-wiring.ts", `${GRAPHS}:${graph}`, ...args));

  it.concurrent("passes on a graph that is wired well", async () => {
    expect(await check("good")).toEqual({ code: 0, stderr: "", failed: [], count: 7 });
  });

  it.concurrent.each<[string, RegExp[]]>([
    ["callbacksReplaced", [/every model call is heard of: not that of node chat/, /unseen-model-call/]],
    [
      "contextLost",
      [/was made outside of the run/, /unseen-model-call/, /stopping a run stops its requests: .* goes on/],
    ],
    ["innerState", [/not that of node wrapper/, /every node is heard of: not wrapper\/writer/, /state-snapshots/]],
    ["playedModel", [/fake-streaming/, /stopping a run stops its requests: .* goes on: hand it config\.signal/]],
    ["forgetful", [/checkpointer/, /run-failed/, /it has no checkpointer/]],
  ])("fails on %s", async (graph, says) => {
    const { code, failed } = await check(graph);
    expect(failed).toEqual(says.map((pattern) => expect.stringMatching(pattern)));
    expect(code).toBe(1);
  });

  it.concurrent("passes on a graph that asks and can be answered", async () => {
    const { failed, code } = await check("asking");
    expect(failed).toEqual([]);
    expect(code).toBe(0);
  });
});
