/** Asks a server one question, the way a frontend does, and keeps what there is to see. */
import { randomUUID } from "node:crypto";
import { type AguiEvent, EventType, type RunAgentInput } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import { messageOf } from "../protocol/redact.ts";
import type { Arrival, End, Evidence, ServerEvidence } from "./evidence.ts";
import { type Answer, ask, wholeBody } from "./http.ts";
import type { Question } from "./observe-graph.ts";
import { findSluice, type Place } from "./place.ts";
import { type Socket, withSocket } from "./socket.ts";
import { judgeSpread } from "./spread.ts";
import { dataOf, Frames, reasonOf } from "./sse.ts";
import { countTags, ToldRecorder } from "./told.ts";

/** What says something about who stands in between, and what they do. */
const TELLING_HEADERS = [
  "content-type",
  "content-encoding",
  "content-length",
  "transfer-encoding",
  "x-accel-buffering",
  "cache-control",
  "via",
  "server",
  "x-cache",
];
const BODY_SHOWN = 300;
const STATS_MS = 3_000;
const MAX_REDIRECTS = 3;
const CUT = "The response ended without RUN_FINISHED or RUN_ERROR: the line was cut.";
const EVENT_TYPES: ReadonlySet<string> = new Set(Object.values(EventType));

/** Asks the server at `target`. Never rejects for what the server does: that is evidence. */
export async function observeServer(target: string, agent: string | undefined, question: Question): Promise<Evidence> {
  const signal = AbortSignal.timeout(question.asked.timeoutMs);
  const place = await findSluice(new URL(target), agent, signal);
  const watch = new Watch();
  const input = runInput(question);
  const overSocket = /^wss?:$/.test(new URL(target).protocol);
  const base = { url: place.endpoint, sluice: place.sluice, agents: place.agents };
  const found = overSocket
    ? await readSocket(place, agent, input, signal, watch)
    : await readStream(new URL(place.endpoint), input, signal, watch);
  const totalMs = watch.now;
  const { told } = watch.recorder;
  const asked = told.endedAt !== undefined && place.socket !== undefined;
  const refused = asked ? await refusedIn(place, input.threadId) : undefined;
  const server: ServerEvidence = {
    ...base,
    ...found.server,
    transport: overSocket ? "ws" : "sse",
    arrivals: watch.arrivals,
    foreign: watch.foreign,
    refused,
    overWebSocketMs:
      refused !== undefined && !overSocket && judgeSpread(told.tokens).checks.some(({ passed }) => !passed)
        ? await spanOverSocket(place, agent, question, signal)
        : undefined,
  };
  const tags = countTags(watch.recorder.text, question.asked.reasoningTags);
  return { target, asked: question.asked, end: found.end, totalMs, told, tags, server };
}

type Found = {
  readonly end: End;
  readonly server: Pick<ServerEvidence, "reached" | "why" | "status" | "location" | "headers" | "body">;
};

/** Everything that arrives, and when. */
class Watch {
  readonly recorder = new ToldRecorder();
  readonly arrivals: Arrival[] = [];
  foreign = 0;
  readonly #began = performance.now();

  get now(): number {
    return performance.now() - this.#began;
  }

  event(value: unknown, at = this.now): void {
    if (!isRecord(value) || !EVENT_TYPES.has(String(value.type))) {
      this.foreign += 1;
      return;
    }
    const event = value as AguiEvent;
    this.arrivals.push({ type: event.type, at, made: event.timestamp });
    this.recorder.push(event, { at });
  }
}

async function readStream(url: URL, input: RunAgentInput, signal: AbortSignal, watch: Watch): Promise<Found> {
  let answer: Answer;
  try {
    answer = await post(url, input, signal);
  } catch (error) {
    if (signal.aborted) return { end: { kind: "timed-out" }, server: { reached: true, headers: {} } };
    const why = reasonOf(error);
    return { end: { kind: "failed", message: why, byModel: false }, server: { reached: false, why, headers: {} } };
  }
  const { status, headers: all } = answer;
  const headers = Object.fromEntries(TELLING_HEADERS.flatMap((name) => (all[name] ? [[name, all[name]]] : [])));
  const server = { reached: true, status, headers, location: all.location };
  try {
    if (status === 200 && /^text\/event-stream/i.test(all["content-type"] ?? "")) {
      await readEvents(answer, watch);
      return { end: endOf(watch), server };
    }
    return { end: { kind: "ended" }, server: { ...server, body: (await wholeBody(answer)).slice(0, BODY_SHOWN) } };
  } catch (error) {
    if (signal.aborted) return { end: { kind: "timed-out" }, server };
    // Of a response that is cut Node says no more than "aborted".
    const cut = (error as NodeJS.ErrnoException).code === "ECONNRESET";
    return { end: broken(cut ? CUT : messageOf(error)), server };
  }
}

/** As browsers do, it goes where a 307 or 308 leads; any other redirect would make a GET of it. */
async function post(url: URL, input: RunAgentInput, signal: AbortSignal, left = MAX_REDIRECTS): Promise<Answer> {
  const answer = await ask(url, { method: "POST", accept: "text/event-stream", json: input, signal });
  const { status, headers } = answer;
  const to = status === 307 || status === 308 ? headers.location : undefined;
  if (to === undefined || left === 0 || !URL.canParse(to, url.href)) return answer;
  await wholeBody(answer);
  return post(new URL(to, url), input, signal, left - 1);
}

async function readEvents({ body }: Answer, watch: Watch): Promise<void> {
  const frames = new Frames();
  for await (const piece of body) {
    const at = watch.now;
    for (const frame of frames.push(piece)) {
      const data = dataOf(frame);
      if (data !== "") watch.event(parsed(data), at);
    }
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // Not JSON is no event: it is counted as foreign.
  }
}

async function readSocket(
  { socket }: Place,
  agent: string | undefined,
  input: RunAgentInput,
  signal: AbortSignal,
  watch: Watch,
): Promise<Found> {
  try {
    await withSocket(socket ?? "", signal, (line) => line.run(input, agent, (event) => watch.event(event)));
    return { end: endOf(watch), server: { reached: true, headers: {} } };
  } catch (error) {
    const why = messageOf(error);
    const reached = signal.aborted || watch.arrivals.length > 0;
    return { end: signal.aborted ? { kind: "timed-out" } : broken(why), server: { reached, why, headers: {} } };
  }
}

function endOf({ recorder, arrivals }: Watch): End {
  if (arrivals.length === 0 || recorder.told.endedAt !== undefined) return { kind: "ended" };
  return broken(CUT);
}

function broken(message: string): End {
  return { kind: "failed", message, byModel: false };
}

function runInput({ message, input }: Question): RunAgentInput {
  return {
    threadId: randomUUID(),
    runId: randomUUID(),
    state: input ?? {},
    messages: [{ id: randomUUID(), role: "user", content: message }],
    tools: [],
    context: [],
    forwardedProps: {},
  };
}

/** A proxy that passes no WebSocket leaves this out: it is only one more figure. */
async function refusedIn({ socket }: Place, threadId: string): Promise<Readonly<Record<string, number>> | undefined> {
  return onSocket(socket, AbortSignal.timeout(STATS_MS), (line) => line.refused(threadId));
}

async function spanOverSocket(
  { socket }: Place,
  agent: string | undefined,
  question: Question,
  signal: AbortSignal,
): Promise<number | undefined> {
  const watch = new Watch();
  const done = await onSocket(socket, signal, async (line) => {
    await line.run(runInput(question), agent, (event) => watch.event(event));
    return true;
  });
  return done ? judgeSpread(watch.recorder.told.tokens).spanMs : undefined;
}

async function onSocket<T>(url: string | undefined, signal: AbortSignal, use: (socket: Socket) => Promise<T>) {
  try {
    return url === undefined ? undefined : await withSocket(url, signal, use);
  } catch {
    return undefined; // No socket passes here, or not in time.
  }
}
