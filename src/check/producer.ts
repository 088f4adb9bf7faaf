/** The server that is checked: its addresses, and how its runs are read as they come over the wire. */
import { createParser } from "eventsource-parser";
import { type Answer, ask, wholeBody } from "../doctor/http.ts";

export interface Producer {
  /** Takes a `RunAgentInput` by POST. */
  readonly endpoint: URL;
  /** Its WebSocket, if it has one that follows the binding. */
  readonly socket: URL | undefined;
  readonly agent: string | undefined;
  /** The question of each run. */
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds that a run may take. */
  readonly timeoutMs: number;
}

/** One event as it came over the wire. */
export interface WireEvent {
  readonly json: string;
  /** Its position; absent if it has none. */
  readonly at: string | undefined;
  /** Milliseconds since the run was requested. */
  readonly ms: number;
}

export interface Recording {
  readonly status: number;
  readonly type: string;
  /** Its `Cache-Control`; empty where it has none. */
  readonly caching: string;
  readonly events: readonly WireEvent[];
  /** Parts of the response that do not belong into an event stream. */
  readonly strange: readonly string[];
  /** The body, where it was no event stream. */
  readonly body: string;
  /** The end of the response: in order, cut, left by this reader, or not reached within its time. */
  readonly end: "ended" | "cut" | "left" | "hung";
  /** Milliseconds from the last event to the end. */
  readonly lingeredMs: number;
}

/** Text in many scripts, with surrogate pairs, combining marks and joiners. */
export const SCRIPTS = "Zażółć 北京 नमस्ते 👩‍👩‍👧 e\u0301 עברית";

/** A position that no log had. */
export const NO_POSITION = "ffffffffffff:3";

interface Reading {
  /** Goes on after this position. */
  readonly after?: string | undefined;
  /** Hangs up after the first event for which this is true. */
  readonly until?: (event: WireEvent) => boolean;
  /** Waits for this before it reads the body. */
  readonly pause?: Promise<unknown>;
}

/** Milliseconds after the terminal event at which a response counts as hanging. */
const LINGER_MS = 2_000;

/** Posts a run, or anything else, and reads its response to the end. Rejects when no server answers. */
export async function readRun(producer: Producer, input: unknown, reading: Reading = {}): Promise<Recording> {
  const { after, until = () => false, pause } = reading;
  const { endpoint, headers, timeoutMs } = producer;
  const gone = new AbortController();
  const timer = setTimeout(() => gone.abort(), timeoutMs);
  const began = performance.now();
  const events: WireEvent[] = [];
  const strange: string[] = [];
  let last = began;
  let left = false;
  const parser = createParser({
    onEvent({ id, event, data }) {
      last = performance.now();
      if (event !== undefined) strange.push(`a field "event: ${event}"`);
      if (data.includes("\n")) strange.push("an event in several data fields");
      const wire = { json: data, at: id, ms: last - began };
      events.push(wire);
      if (until(wire)) left = true;
    },
    onError: ({ message }) => void strange.push(message),
  });
  let answer: Answer | undefined;
  let end: Recording["end"] = "ended";
  let body = "";
  try {
    const given = after === undefined ? headers : { ...headers, "last-event-id": after };
    answer = await ask(endpoint, {
      method: "POST",
      accept: "text/event-stream",
      json: input,
      headers: given,
      signal: gone.signal,
    });
    await pause;
    if (answer.status !== 200) body = await wholeBody(answer);
    else {
      for await (const piece of answer.body) {
        parser.feed(piece);
        if (left) break;
        if (isOver(events.at(-1))) setTimeout(() => gone.abort(), LINGER_MS).unref();
      }
      if (left) end = "left";
    }
  } catch (error) {
    if (!answer) throw error;
    end = gone.signal.aborted ? "hung" : "cut";
  } finally {
    clearTimeout(timer);
    gone.abort();
  }
  const { status, headers: had } = answer;
  const type = had["content-type"] ?? "";
  const caching = had["cache-control"] ?? "";
  return { status, type, caching, events, strange, body, end, lingeredMs: performance.now() - last };
}

const ENDS: ReadonlySet<string> = new Set(["RUN_FINISHED", "RUN_ERROR"]);

export function isEnd(type: string | undefined): boolean {
  return ENDS.has(type ?? "");
}

function isOver(event: WireEvent | undefined): boolean {
  return event !== undefined && isEnd(typeOf(event.json));
}

export interface AnyEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The event. Text that is no event becomes an event with an empty type. */
export function eventOf(json: string): AnyEvent {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && "type" in value) return value as AnyEvent;
  } catch {
    // The sequence reports text that is not JSON.
  }
  return { type: "" };
}

export function typeOf(json: string): string {
  return eventOf(json).type;
}

/** How the run of these events ended: its outcome, or the type of its last event. */
export function endOf(events: readonly { readonly json: string }[]): string {
  const { type, outcome = { type: "success" } } = eventOf(events.at(-1)?.json ?? "");
  return type === "RUN_FINISHED" ? String((outcome as { readonly type?: unknown }).type) : type;
}

/** The text of each message, by its id. */
export function textsOf(events: readonly { readonly json: string }[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { json } of events) {
    const { type, messageId, delta } = eventOf(json);
    if (!/^TEXT_MESSAGE_(CONTENT|CHUNK)$/.test(type)) continue;
    texts.set(String(messageId), (texts.get(String(messageId)) ?? "") + String(delta ?? ""));
  }
  return texts;
}

export function textOf(events: readonly { readonly json: string }[]): string {
  return [...textsOf(events).values()].join("");
}

/** The run's events with neighbouring deltas of a span joined: two readers may get them in different portions. */
export function shapeOf(events: readonly { readonly json: string }[]): string {
  const lines: string[] = [];
  let open: string | undefined;
  for (const { json } of events) {
    const { timestamp: _, rawEvent: __, ...event } = eventOf(json);
    const { delta, ...rest } = event;
    const span = typeof delta === "string" ? JSON.stringify(rest) : undefined;
    if (span !== undefined && span === open) lines.push(`${lines.pop()}${String(delta)}`);
    else lines.push(span === undefined ? JSON.stringify(event) : `${span} ${String(delta)}`);
    open = span;
  }
  return lines.join("\n");
}
