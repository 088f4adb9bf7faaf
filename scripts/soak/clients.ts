/** Healthy clients, which must receive complete answers, and harmful clients. */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { eventsOf } from "./events.ts";
import { wordsOf } from "./words.ts";

export interface Target {
  readonly url: string;
  /** Aborts when the time of the soak is over. */
  readonly signal: AbortSignal;
}

const JSON_TYPE = { "Content-Type": "application/json" };

function bodyOf(content: string, threadId: string = randomUUID()): string {
  return JSON.stringify({ threadId, runId: randomUUID(), messages: [{ id: randomUUID(), role: "user", content }] });
}

async function post(target: Target, agent: string, body: string): Promise<Response> {
  return fetch(`${target.url}/agui/agent/${agent}/run`, { method: "POST", headers: JSON_TYPE, body });
}

/** Runs once and compares every word. @throws Error with the difference. */
export async function healthyTurn(target: Target): Promise<void> {
  const question = `q${Math.floor(Math.random() * 1e6)}`;
  const response = await post(target, "healthy", bodyOf(question));
  let text = "";
  let end = "";
  for await (const event of eventsOf(response)) {
    if (event.type === "TEXT_MESSAGE_CONTENT") text += String(event.delta);
    end = String(event.type);
  }
  if (text !== wordsOf(question).join(""))
    throw new Error(`the answer to ${question} is not whole: ${text.slice(0, 80)}`);
  if (end !== "RUN_FINISHED") throw new Error(`the run of ${question} ended with ${end}`);
}

async function drained(target: Target, agent: string, body = bodyOf("go")): Promise<void> {
  await (await post(target, agent, body)).text();
}

/** Opens a socket that sends messages and pings but does not read. */
async function deaf(target: Target): Promise<void> {
  const { hostname, port } = new URL(target.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.pause();
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  const frames = Buffer.concat(
    Array.from({ length: 500 }, () => Buffer.concat([masked(1, "/help"), masked(9, "ping")])),
  );
  const until = Date.now() + 3_000;
  for (let sent = 0; sent < 8_000_000 && Date.now() < until && !socket.destroyed; sent += frames.length) {
    if (!socket.write(frames)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), wait(500)]);
  }
  socket.destroy();
}

function masked(opcode: number, text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

/** Requests a run's events and never reads them. */
async function blackHole(target: Target): Promise<void> {
  const { hostname, port } = new URL(target.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.pause();
  const body = bodyOf("go");
  socket.write(
    `POST /agui/agent/busy/run HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  await wait(4_000);
  socket.destroy();
}

/** Requests an upgrade to a protocol other than WebSocket. */
async function otherUpgrade(target: Target): Promise<void> {
  const { hostname, port } = new URL(target.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.end(
    `GET /agui/info HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once("close", resolve).resume());
}

async function longHistory(target: Target): Promise<void> {
  const threadId = randomUUID();
  const messages = Array.from({ length: 4_000 }, (_, index) => ({
    id: randomUUID(),
    role: index % 2 === 0 ? "user" : "assistant",
    content: `message ${index} `.repeat(5),
  }));
  const body = () => JSON.stringify({ threadId, runId: randomUUID(), messages });
  for (let turn = 0; turn < 2; turn += 1) await drained(target, "rejecting", body());
  await fetch(`${target.url}/threads/${threadId}`, { method: "DELETE" });
}

async function largeThread(target: Target): Promise<void> {
  const threadId = randomUUID();
  for (let turn = 0; turn < 5; turn += 1) await drained(target, "large", bodyOf("more", threadId));
  await Promise.all(Array.from({ length: 50 }, async () => (await fetch(`${target.url}/threads/${threadId}`)).text()));
  await fetch(`${target.url}/threads/${threadId}`, { method: "DELETE" });
}

async function leaving(target: Target): Promise<void> {
  const controller = new AbortController();
  const { url } = target;
  const body = bodyOf("go");
  const run = fetch(`${url}/agui/agent/healthy/run`, {
    method: "POST",
    headers: JSON_TYPE,
    body,
    signal: controller.signal,
  });
  const response = await run;
  await response.body?.getReader().read();
  controller.abort();
}

export const HARM: Readonly<Record<string, (target: Target) => Promise<void>>> = {
  rejecting: (target) => drained(target, "rejecting"),
  throwing: (target) => drained(target, "throwing"),
  busy: (target) => drained(target, "busy"),
  wordy: (target) => drained(target, "wordy"),
  regretful: (target) => drained(target, "regretful"),
  deaf,
  "black hole": blackHole,
  "other upgrade": otherUpgrade,
  "long history": longHistory,
  "large thread": largeThread,
  leaving,
};

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
