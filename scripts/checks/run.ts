/** Runs over the raw wire: every frame as it lies there, for whoever wants to judge it. */
import { randomUUID } from "node:crypto";
import type { RunAgentInput } from "@ag-ui/core";
import WebSocket from "ws";
import { readSse } from "../../src/client/sse.ts";

/** What to ask of which server. */
export interface Ask {
  readonly url: string;
  readonly agent: string | undefined;
  readonly message: string;
  readonly timeoutMs: number;
}

export function inputOf(message: string, threadId: string = randomUUID()): RunAgentInput {
  return {
    threadId,
    runId: randomUUID(),
    protocolVersion: "1.0",
    messages: [{ id: randomUUID(), role: "user", content: message }],
    tools: [],
    context: [],
  };
}

export function runPath({ url, agent }: Ask): string {
  return agent === undefined ? `${url}/agui` : `${url}/agui/agent/${encodeURIComponent(agent)}/run`;
}

/** One event of an event stream. */
export interface SseBlock {
  readonly id: string | undefined;
  readonly data: string | undefined;
}

export interface SseAnswer {
  readonly status: number;
  readonly type: string;
  readonly blocks: readonly SseBlock[];
  /** The body as it came. */
  readonly text: string;
}

/** Posts a run and reads its blocks, until the end or until `enough` says so. */
export async function postRun(
  ask: Ask,
  input: RunAgentInput,
  { after, enough = () => false }: { after?: string | undefined; enough?: (block: SseBlock) => boolean } = {},
): Promise<SseAnswer> {
  const signal = AbortSignal.timeout(ask.timeoutMs);
  const headers = {
    "content-type": "application/json",
    accept: "text/event-stream",
    ...(after === undefined ? {} : { "last-event-id": after }),
  };
  const response = await fetch(runPath(ask), { method: "POST", headers, body: JSON.stringify(input), signal });
  const head = { status: response.status, type: response.headers.get("content-type") ?? "" };
  const blocks: SseBlock[] = [];
  const decoder = new TextDecoder();
  let text = "";
  const heard = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, pass) {
      text += decoder.decode(bytes, { stream: true });
      pass.enqueue(bytes);
    },
  });
  if (!response.body) return { ...head, blocks, text };
  for await (const { id, data } of readSse(response.body.pipeThrough(heard))) {
    blocks.push({ id, data });
    // Leaving the loop hangs up.
    if (enough({ id, data })) break;
  }
  return { ...head, blocks, text };
}

export interface Inbox {
  readonly frames: readonly string[];
  send(value: object | string): void;
  /** Resolves with the first frame, old or new, that passes. Rejects when the socket closes or the time is up before. */
  until(test: (frame: string) => boolean): Promise<string>;
  /** Hangs up without a word. */
  cut(): void;
  close(): void;
}

/** Opens a WebSocket of a Sluice. Rejects when it is refused. */
export function openSocket(ask: Ask, query: Record<string, string>, subprotocol?: string): Promise<Inbox> {
  const address = new URL(`${ask.url.replace(/^http/, "ws")}/ws`);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  if (ask.agent !== undefined) address.searchParams.set("agent", ask.agent);
  const socket = new WebSocket(address, subprotocol === undefined ? [] : [subprotocol], { perMessageDeflate: false });
  const frames: string[] = [];
  const looks = new Set<(closed?: string) => void>();
  const look = (closed?: string) => {
    for (const one of looks) one(closed);
  };
  socket.on("message", (data: Buffer) => {
    frames.push(data.toString());
    look();
  });
  socket.on("close", (code) => look(`The socket was closed with ${code} after ${frames.length} frames.`));
  const until = (test: (frame: string) => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      let seen = 0;
      const done = (settle: () => void) => {
        clearTimeout(timer);
        looks.delete(one);
        settle();
      };
      const one = (closed?: string) => {
        for (; seen < frames.length; seen += 1) {
          const frame = frames[seen] ?? "";
          if (test(frame)) return done(() => resolve(frame));
        }
        if (closed) done(() => reject(new Error(closed)));
      };
      const late = () => done(() => reject(new Error(`It was not over after ${ask.timeoutMs / 1_000} s.`)));
      const timer = setTimeout(late, ask.timeoutMs);
      looks.add(one);
      one();
    });
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.once("open", () =>
      resolve({
        frames,
        send: (value) => socket.send(typeof value === "string" ? value : JSON.stringify(value)),
        until,
        cut: () => socket.terminate(),
        close: () => socket.close(),
      }),
    );
  });
}

export function typeOf(frame: string): string {
  try {
    return String((JSON.parse(frame) as { type?: unknown }).type);
  } catch {
    return "";
  }
}

export const ENDS: readonly string[] = ["RUN_FINISHED", "RUN_ERROR"];
