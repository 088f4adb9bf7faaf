/** Every way to start a run, with one interface. Each scenario must hold for all of them. */
import { HttpAgent } from "@ag-ui/client";
import {
  type AguiEvent,
  EventType,
  type Interrupt,
  isTerminal,
  type Message,
  type RunAgentInput,
} from "../../../src/protocol/events.ts";
import type { TestSluice } from "../../support/sluice.ts";
import { dataOf, eventsOf, openSse } from "../../support/sse-frames.ts";
import { connect } from "../../support/ws-client.ts";
import { type Frame, openFrames, over } from "./frames-client.ts";

/** What a client knows after its run. */
export interface Outcome {
  /** `success`, `interrupt`, `cancelled`, or the code of what went wrong. */
  readonly end: string;
  /** The run's text, in order; empty for a route that answers a failed run with an error. */
  readonly messages: readonly Message[] | undefined;
  readonly interrupts: readonly Interrupt[];
  /** Absent where only the result is sent. */
  readonly events: readonly AguiEvent[] | undefined;
}

export interface Started {
  /** Rejects with a `Refused` when there was no run. */
  readonly done: Promise<Outcome>;
  /** Disconnects, whether or not the run has ended. */
  leave(): void;
}

export interface Transport {
  /** Requests a run. Resolves when the request is sent. */
  start(sluice: TestSluice, agent: string, input: RunAgentInput): Promise<Started>;
  /** Cancels a thread's run, in the way clients of this transport do. */
  cancel(sluice: TestSluice, agent: string, threadId: string): Promise<void>;
}

/** The reason why there was no run. */
export class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

const TERMINAL = (json: string) => isTerminal((JSON.parse(json) as AguiEvent).type);

const agui: Transport = {
  async start({ ws }, agent, input) {
    const client = await connect(`${ws}/ws?agent=${agent}`);
    client.send(input);
    const done = client.until(TERMINAL).then((frames) => {
      client.socket.close();
      const events = eventsOf(frames);
      const [first] = events;
      if (first?.type === EventType.RUN_ERROR) throw new Refused(first.code ?? "");
      return outcome(events);
    });
    done.catch(() => {});
    return { done, leave: () => client.socket.terminate() };
  },
  async cancel({ ws }, _, threadId) {
    const client = await connect(`${ws}/ws?thread=${threadId}`);
    client.send({ type: "cancel" });
    await client.until(TERMINAL);
    await client.close();
  },
};

const frames: Transport = {
  async start({ ws }, agent, input) {
    const client = await openFrames(ws);
    client.send({ type: "run", id: "start", agent, input });
    const isRefusal = (frame: Frame) => frame.type === "error" && frame.id === "start";
    const done = client
      .until((frame) => over(frame) || isRefusal(frame))
      .then(async (all) => {
        const refusal = all.find(isRefusal);
        const events = all.flatMap(({ data }) => data ?? []);
        await client.close();
        if (refusal) throw new Refused(refusal.code ?? "");
        return outcome(events);
      });
    done.catch(() => {});
    return { done, leave: () => void client.drop() };
  },
  async cancel({ ws }, _, threadId) {
    const client = await openFrames(ws);
    const { type } = await client.ask({ type: "cancel", threadId });
    await client.close();
    if (type !== "ack") throw new Error(`cancel was answered with ${type}`);
  },
};

async function stop({ url }: TestSluice, agent: string, threadId: string): Promise<void> {
  const path = `/agui/agent/${agent}/stop/${encodeURIComponent(threadId)}`;
  const { status } = await fetch(`${url}${path}`, { method: "POST" });
  if (status !== 200) throw new Error(`stop was answered with ${status}`);
}

const sse: Transport = {
  async start({ url }, agent, input) {
    const away = new AbortController();
    const opened = openSse(`${url}/agui/agent/${agent}/run`, input);
    away.signal.addEventListener("abort", () => opened.then((reader) => reader.abort()).catch(() => {}));
    const done = opened.then(
      async (reader) => outcome(eventsOf(dataOf(await reader.done))),
      (error: Error) => {
        const [, json = "{}"] = /^\d+ (\{.*\})$/s.exec(error.message) ?? [];
        throw new Refused((JSON.parse(json) as { error: { code: string } }).error.code);
      },
    );
    done.catch(() => {});
    return { done, leave: () => away.abort() };
  },
  cancel: stop,
};

interface JsonAnswer {
  readonly outcome: string;
  readonly messages: Message[];
  readonly interrupts?: Interrupt[];
  readonly error?: { readonly code: string; readonly details?: { readonly threadId?: string } };
}

const json: Transport = {
  async start({ url }, agent, input) {
    const away = new AbortController();
    const answer = fetch(`${url}/agui/agent/${agent}/run`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(input),
      signal: away.signal,
    });
    const done = answer.then(async (response): Promise<Outcome> => {
      const { outcome: end, messages, interrupts = [], error } = (await response.json()) as JsonAnswer;
      if (!error) return { end, messages, interrupts, events: undefined };
      // An error that names its thread is the run's own.
      if (error.details?.threadId === undefined) throw new Refused(error.code);
      return { end: error.code, messages: undefined, interrupts, events: undefined };
    });
    done.catch(() => {});
    return { done, leave: () => away.abort() };
  },
  cancel: stop,
};

export const TRANSPORTS: [string, Transport][] = [
  ["WebSocket, agui", agui],
  ["WebSocket, frames", frames],
  ["SSE", sse],
  ["JSON", json],
];

async function outcome(events: readonly AguiEvent[]): Promise<Outcome> {
  const last = events.at(-1);
  const [own] = events;
  const sent = new Set(own?.type === EventType.RUN_STARTED ? own.input?.messages.map(({ id }) => id) : []);
  const messages = (await folded(events)).filter(({ id }) => !sent.has(id));
  if (last?.type === EventType.RUN_ERROR) return { end: last.code ?? "", messages, interrupts: [], events };
  if (last?.type !== EventType.RUN_FINISHED) throw new Error(`The run did not end: ${last?.type}`);
  const interrupts = last.outcome?.type === "interrupt" ? last.outcome.interrupts : [];
  return { end: last.outcome?.type ?? "success", messages, interrupts, events };
}

/** The messages that `@ag-ui/client` ends up with after these events. */
export async function folded(events: readonly AguiEvent[]): Promise<Message[]> {
  const [first] = events;
  if (first?.type !== EventType.RUN_STARTED) throw new Error(`It begins with ${first?.type}.`);
  const { threadId, runId } = first;
  const body = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  const fetch = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
  const agent = new HttpAgent({ url: "http://none.invalid", threadId, fetch });
  await agent.runAgent({ runId });
  return agent.messages as Message[];
}
