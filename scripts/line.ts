/** A line from a server to one client, over any transport, for the scripts that measure it. */
import { request } from "node:http";
import { request as requestTls } from "node:https";
import type { RunAgentInput } from "@ag-ui/core";
import { createParser } from "eventsource-parser";
import WebSocket from "ws";
import { reasonOf } from "../src/doctor/trouble.ts";
import type { ShortFrame } from "../src/protocol/short-frames.ts";

/** `ws`: plain AG-UI events; `frames`: Sluice's own format, with cursors; `short`: the same with short events. */
export const TRANSPORTS = ["ws", "frames", "short", "sse"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Receives the events of a line. Times are from `performance.now()`. */
export interface Ear {
  /** Receives one event as JSON. `bytes`: the size of its frame, without the transport's header. */
  event(json: string, bytes: number, at: number): void;
  /** Called when the server has ended the line. `reason` is given after a failure. */
  ended(reason?: string): void;
}

export interface Line {
  /** Starts a run. Over SSE, the run's request opens the line, which carries only this run. */
  start(input: RunAgentInput): void;
  close(): void;
}

export interface LineOptions {
  /** The server's address, with the path it is mounted under, if any. */
  readonly url: string;
  /** The server's first agent when absent. */
  readonly agent: string | undefined;
  readonly threadId: string;
  /** For example with an API key. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Opens a line. Rejects if the server does not answer. */
export function openLine(transport: Transport, options: LineOptions, ear: Ear): Promise<Line> {
  if (transport === "sse") return Promise.resolve(eventStream(options, ear));
  return transport === "ws" ? openWebSocket(options, ear) : openFrames(options, ear, transport === "short");
}

function openFrames({ url, agent, headers = {} }: LineOptions, ear: Ear, short: boolean): Promise<Line> {
  const address = new URL(`${url.replace(/^http/, "ws").replace(/\/$/, "")}/ws`);
  const socket = new WebSocket(address, "sluice.v1", { perMessageDeflate: false, headers });
  socket.on("message", (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as ShortFrame | { type: string; data?: unknown; message?: string };
    if ("length" in frame) ear.event(JSON.stringify(frame[2]), data.length, performance.now());
    else if (frame.type === "event") ear.event(JSON.stringify(frame.data), data.length, performance.now());
    else if (frame.type === "error") ear.ended(`The server refused: ${frame.message}`);
  });
  return opened(socket, ear, (input) => JSON.stringify({ type: "run", agent, input, short }));
}

function openWebSocket({ url, agent, threadId, headers = {} }: LineOptions, ear: Ear): Promise<Line> {
  const address = new URL(`${url.replace(/^http/, "ws").replace(/\/$/, "")}/ws`);
  address.searchParams.set("thread", threadId);
  if (agent !== undefined) address.searchParams.set("agent", agent);
  const socket = new WebSocket(address, { perMessageDeflate: false, headers });
  socket.on("message", (data: Buffer) => ear.event(data.toString(), data.length, performance.now()));
  return opened(socket, ear, (input) => JSON.stringify(input));
}

function opened(socket: WebSocket, ear: Ear, asking: (input: RunAgentInput) => string): Promise<Line> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("open", () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      socket.once("close", (code, reason) => ear.ended(`The socket was closed: ${code} ${reason.toString()}`.trim()));
      resolve({
        start: (input) => socket.send(asking(input)),
        close: () => socket.close(),
      });
    });
  });
}

function eventStream({ url, agent, headers: more = {} }: LineOptions, ear: Ear): Line {
  const path = agent === undefined ? "/agui" : `/agui/agent/${encodeURIComponent(agent)}/run`;
  const address = new URL(`${url.replace(/\/$/, "")}${path}`);
  const send = address.protocol === "https:" ? requestTls : request;
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream", ...more };
  const call = send(address, { method: "POST", headers }, (response) => {
    response.setEncoding("utf8");
    if (response.statusCode !== 200) {
      let body = "";
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => ear.ended(`The server answered ${response.statusCode}: ${body.slice(0, 300)}`));
      return;
    }
    let at = 0;
    const parser = createParser({
      onEvent({ id, data }) {
        const frame = `${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;
        ear.event(data, Buffer.byteLength(frame), at);
      },
    });
    response.on("data", (text: string) => {
      at = performance.now();
      parser.feed(text);
    });
    response.on("end", () => ear.ended());
    response.on("error", (error) => ear.ended(`The response was cut: ${error.message}`));
  });
  let closed = false;
  call.on("error", (error) => {
    if (!closed) ear.ended(reasonOf(error));
  });
  return {
    start: (input) => call.end(JSON.stringify(input)),
    close: () => {
      closed = true;
      call.destroy();
    },
  };
}
