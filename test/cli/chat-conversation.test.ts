/** What a conversation shows of a server's messages other than a run's events. */
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { Part } from "../../src/cli/chat/parts.ts";
import { type Screen, ThreadChat } from "../../src/cli/chat/thread-chat.ts";
import { EventType } from "../../src/protocol/events.ts";
import { startSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

interface Frame {
  readonly type: string;
  readonly id: string;
}

const topic = "thread:t";
const hello = {
  type: "hello",
  connection: "c",
  heartbeatSeconds: 15,
  limits: { messageBytes: 1_000, subscriptions: 1 },
};
const event = (offset: number, data: object) => ({ type: "event", topic, cursor: `e:${offset}`, data });

const open: WebSocketServer[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    for (const socket of server.clients) socket.terminate();
    server.close();
  }
});

/** Starts a fake server that answers each frame as the test decides, and returns its address. */
async function serverThat(answers: (frame: Frame) => readonly object[]): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  open.push(server);
  server.on("connection", (socket: WebSocket) => {
    const send = (frame: object) => socket.send(JSON.stringify({ v: 1, ...frame }));
    send(hello);
    socket.on("message", (data) => {
      for (const frame of answers(JSON.parse(data.toString()) as Frame)) send(frame);
    });
  });
  await new Promise((listening) => server.once("listening", listening));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Asks one question. `stopAt`: the person presses Ctrl-C when this kind of part is shown. */
async function ask(url: string, stopAt?: Part["kind"]): Promise<{ code: number; shown: Part[] }> {
  const shown: Part[] = [];
  const stop = new AbortController();
  const show = (part: Part) => {
    shown.push(part);
    if (part.kind === stopAt) stop.abort();
  };
  const screen: Screen = {
    interactive: false,
    show,
    say: (text) => show({ kind: "notice", text }),
    blank() {},
    read: async () => undefined,
    during: (work) => work(stop.signal),
  };
  const code = await new ThreadChat({ ...NOBODY, url }, screen).ask("hi");
  return { code, shown };
}

const NOBODY = { agent: undefined, threadId: "t", examined: "", agents: async () => ["first", "second"] };

/** Types these lines, one after the other, and leaves. */
async function type(url: string, lines: string[]): Promise<string[]> {
  const shown: string[] = [];
  const screen: Screen = {
    interactive: true,
    show: (part) => void (part.kind === "answer" && shown.push(part.text)),
    say: (text) => void shown.push(text),
    blank() {},
    read: async () => lines.shift(),
    during: (work) => work(new AbortController().signal),
  };
  expect(await new ThreadChat({ ...NOBODY, url }, screen).hold()).toBe(0);
  return shown;
}

it("/help and /agent are commands, and other lines are questions", async () => {
  const graph = (text: string) => ({ graph: chatGraph(new SteppedModel({ always: [text] })) });
  const sluice = await startSluice({ first: graph("1"), second: graph("2") });
  try {
    const lines = ["/help", "/agent", "/agent second", "hi", "/agent third", "/agents", "/agent first", "/etc/hosts?"];
    const shown = await type(`${sluice.ws}/ws`, lines);
    expect(shown[0]).toContain("/agent NAME   asks another agent from now on\n");
    expect(shown.slice(1)).toEqual([
      "This is first. Agents: first, second",
      "This is second. Agents: first, second",
      "2",
      'There is no agent "third". Agents: first, second',
      "There is no command /agents. /help lists the commands.",
      "This is first. Agents: first, second",
      "1",
    ]);
  } finally {
    await sluice.close();
  }
});

it("a refusal moves no cursor, whatever it is called", async () => {
  const url = await serverThat(({ type, id }) =>
    type === "run" ? [{ type: "error", id, code: "no\u001b[2J", message: "\u001b[1Agone", retryable: false }] : [],
  );
  expect(await ask(url)).toEqual({ code: 1, shown: [{ kind: "error", code: "no[2J", message: "[1Agone" }] });
});

it("nor does the refusal of a cancellation", async () => {
  const url = await serverThat(({ type, id }) => {
    if (type === "run") {
      return [
        { type: "ack", id, topic, runId: "r", cursor: "e:0" },
        event(1, { type: EventType.CUSTOM, name: "ready", value: 1 }),
      ];
    }
    if (type !== "cancel") return [];
    return [
      { type: "error", id, code: "forbidden", message: "\u001b[2Jnot you", retryable: false },
      event(2, { type: EventType.RUN_FINISHED, threadId: "t", runId: "r" }),
    ];
  });
  const { shown } = await ask(url, "custom");
  expect(shown).toContainEqual({ kind: "notice", text: "[2Jnot you" });
});
