/** Asks a server one question, as a frontend does, and keeps the evidence. */
import { type AguiEvent, EventType, type RunAgentInput } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import { questionInput } from "../protocol/question.ts";
import { messageOf } from "../protocol/redact.ts";
import { countTags, DeliveryRecorder } from "./delivered.ts";
import type { Arrival, Delivered, End, Evidence, ServerEvidence } from "./evidence.ts";
import { type Answer, ask, wholeBody } from "./http.ts";
import type { Question } from "./observe-graph.ts";
import { Lines, SseData } from "./pieces.ts";
import { findSluice } from "./place.ts";
import { portionsOf } from "./portions.ts";
import { askForeign, Handshake, type Socket, type SocketAddress, withSocket } from "./socket.ts";
import { judgeSpread } from "./spread.ts";
import { reasonOf } from "./trouble.ts";

/** The headers that show proxies on the way, and what they do. */
const PROXY_HEADERS = [
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

/** Asks the server at `target`. A failure of the server is evidence, so it does not reject. */
export async function observeServer(
  target: string,
  agent: string | undefined,
  question: Question,
  headers: Headers = {},
): Promise<Evidence> {
  const signal = AbortSignal.timeout(question.asked.timeoutMs);
  const place = await findSluice(new URL(target), agent, headers, signal);
  const watch = new Watch();
  const input = questionInput(question.message, question.input ?? {});
  const overSocket = /^wss?:$/.test(new URL(target).protocol);
  const url = overSocket ? (place.socket ?? target) : place.endpoint;
  const base = { url, sluice: place.sluice, agents: place.agents };
  const socket = place.socket === undefined ? undefined : { url: place.socket, headers };
  const found = !overSocket
    ? await readStream(new URL(url), { input, headers, signal }, watch)
    : socket
      ? await readSocket(socket, agent, input, signal, watch)
      : await readForeign({ url: target, headers }, input, signal, watch);
  const totalMs = watch.now;
  const { delivered } = watch.recorder;
  const refused = delivered.endedAt === undefined ? undefined : await refusedIn(socket, input.threadId);
  const again = refused !== undefined && !overSocket && looksHeld(delivered);
  const onceMore = again ? await paceOverSocket(socket, agent, question, signal) : {};
  const server: ServerEvidence = {
    ...base,
    ...found.server,
    transport: overSocket ? "ws" : "sse",
    arrivals: watch.arrivals,
    foreign: watch.foreign,
    framing: watch.framing,
    refused,
    runs: again ? 2 : 1,
    ...onceMore,
  };
  const tags = countTags(watch.recorder.text, question.asked.reasoningTags);
  return { target, asked: question.asked, end: found.end, totalMs, delivered, tags, server };
}

type Headers = Readonly<Record<string, string>>;

interface Request {
  readonly input: RunAgentInput;
  readonly headers: Headers;
  readonly signal: AbortSignal;
}

type Found = {
  readonly end: End;
  readonly server: Pick<ServerEvidence, "reached" | "why" | "status" | "location" | "headers" | "body">;
};

/** Records everything that arrives, with its time. */
class Watch {
  readonly recorder = new DeliveryRecorder();
  readonly arrivals: Arrival[] = [];
  foreign = 0;
  framing: ServerEvidence["framing"] = "none";
  readonly #began = performance.now();

  get now(): number {
    return performance.now() - this.#began;
  }

  event(value: unknown, at = this.now): void {
    if (!isEvent(value)) {
      this.foreign += 1;
      return;
    }
    const event = value as AguiEvent;
    this.arrivals.push({ type: event.type, at, made: event.timestamp });
    this.recorder.push(event, { at });
  }
}

async function readStream(url: URL, request: Request, watch: Watch): Promise<Found> {
  const { signal } = request;
  let answer: Answer;
  try {
    answer = await post(url, request);
  } catch (error) {
    if (signal.aborted) return { end: { kind: "timed-out" }, server: { reached: true, headers: {} } };
    const why = reasonOf(error, url);
    return { end: { kind: "failed", message: why, byModel: false }, server: { reached: false, why, headers: {} } };
  }
  const { status, headers: all } = answer;
  const headers = Object.fromEntries(PROXY_HEADERS.flatMap((name) => (all[name] ? [[name, all[name]]] : [])));
  const server = { reached: true, status, headers, location: all.location };
  try {
    if (status !== 200) {
      return { end: { kind: "ended" }, server: { ...server, body: (await wholeBody(answer)).slice(0, BODY_SHOWN) } };
    }
    const body = await readEvents(answer, watch);
    return { end: endOf(watch), server: watch.arrivals.length > 0 ? server : { ...server, body } };
  } catch (error) {
    if (signal.aborted) return { end: { kind: "timed-out" }, server };
    // Node reports nothing but "aborted" for a response that is cut.
    const cut = (error as NodeJS.ErrnoException).code === "ECONNRESET";
    return { end: broken(cut ? CUT : messageOf(error)), server };
  }
}

/** Follows 307 and 308, as browsers do. Any other redirect would turn the request into a GET. */
async function post(url: URL, request: Request, left = MAX_REDIRECTS): Promise<Answer> {
  const { input, headers: given, signal } = request;
  const answer = await ask(url, { method: "POST", accept: "text/event-stream", json: input, headers: given, signal });
  const { status, headers } = answer;
  const to = status === 307 || status === 308 ? headers.location : undefined;
  if (to === undefined || left === 0 || !URL.canParse(to, url.href)) return answer;
  await wholeBody(answer);
  const next = new URL(to, url);
  // The headers may hold a sign-in, which is only for one origin.
  return post(next, { ...request, headers: next.origin === url.origin ? given : {} }, left - 1);
}

/**
 * Reads server-sent events, or events as lines of JSON, even if the response has another type. Returns the beginning of
 * the body.
 */
async function readEvents({ body }: Answer, watch: Watch): Promise<string> {
  const sse = new SseData();
  const lines = new Lines();
  let begin = "";
  for await (const piece of body) {
    const at = watch.now;
    if (begin.length < BODY_SHOWN) begin = (begin + piece).slice(0, BODY_SHOWN);
    const asLines = /^\s*[[{]/.test(begin);
    const texts = asLines ? lines.push(piece) : sse.push(piece);
    for (const text of texts) {
      if (text.trim() === "" || (asLines && !isEvent(parsed(text)))) continue;
      watch.framing = asLines ? "lines" : "sse";
      watch.event(parsed(text), at);
    }
  }
  return begin;
}

function isEvent(value: unknown): boolean {
  return isRecord(value) && EVENT_TYPES.has(String(value.type));
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // Text that is not JSON is no event. It is counted as foreign.
  }
}

async function readSocket(
  socket: SocketAddress,
  agent: string | undefined,
  input: RunAgentInput,
  signal: AbortSignal,
  watch: Watch,
): Promise<Found> {
  watch.framing = "frames";
  return overSocket(socket, signal, watch, () =>
    withSocket(socket, signal, (line) => line.run(input, agent, (event) => watch.event(event))),
  );
}

async function readForeign(
  socket: SocketAddress,
  input: RunAgentInput,
  signal: AbortSignal,
  watch: Watch,
): Promise<Found> {
  watch.framing = "frames";
  return overSocket(socket, signal, watch, () =>
    askForeign(socket, input, signal, (frame) => {
      // Some servers wrap frames as server-sent events.
      watch.event(parsed(frame.startsWith("data:") ? new SseData().push(`${frame}\n\n`).join("\n") : frame));
      return watch.recorder.delivered.endedAt !== undefined;
    }),
  );
}

async function overSocket(
  { url }: SocketAddress,
  signal: AbortSignal,
  watch: Watch,
  ask: () => Promise<void>,
): Promise<Found> {
  try {
    await ask();
    return { end: endOf(watch), server: { reached: true, headers: {} } };
  } catch (error) {
    if (error instanceof Handshake) {
      const { status, location } = error;
      return { end: { kind: "ended" }, server: { reached: true, status, location, headers: {} } };
    }
    const why = reasonOf(error, new URL(url));
    const reached = signal.aborted || watch.arrivals.length > 0;
    return { end: signal.aborted ? { kind: "timed-out" } : broken(why), server: { reached, why, headers: {} } };
  }
}

function endOf({ recorder, arrivals }: Watch): End {
  if (arrivals.length === 0 || recorder.delivered.endedAt !== undefined) return { kind: "ended" };
  return broken(CUT);
}

function broken(message: string): End {
  return { kind: "failed", message, byModel: false };
}

/** Reads what the server refused. If no WebSocket can be opened, this figure is left out. */
async function refusedIn(
  socket: SocketAddress | undefined,
  threadId: string,
): Promise<Readonly<Record<string, number>> | undefined> {
  return onSocket(socket, AbortSignal.timeout(STATS_MS), (line) => line.refused(threadId));
}

/** A second run costs money, so it is made only if the answer over HTTP looks held back. */
function looksHeld({ tokens, messages }: Delivered): boolean {
  const failed = judgeSpread(tokens).checks.some(({ passed }) => !passed);
  return failed || messages.some(({ pieces }) => portionsOf(pieces).jumps);
}

async function paceOverSocket(
  socket: SocketAddress | undefined,
  agent: string | undefined,
  question: Question,
  signal: AbortSignal,
): Promise<Pick<ServerEvidence, "overWebSocketMs" | "overWebSocketJumps">> {
  const watch = new Watch();
  const done = await onSocket(socket, signal, async (line) => {
    await line.run(questionInput(question.message, question.input ?? {}), agent, (event) => watch.event(event));
    return true;
  });
  if (!done) return {};
  const { tokens, messages } = watch.recorder.delivered;
  return {
    overWebSocketMs: judgeSpread(tokens).spanMs,
    overWebSocketJumps: messages.some(({ pieces }) => portionsOf(pieces).jumps),
  };
}

async function onSocket<T>(
  socket: SocketAddress | undefined,
  signal: AbortSignal,
  use: (socket: Socket) => Promise<T>,
): Promise<T | undefined> {
  try {
    return socket === undefined ? undefined : await withSocket(socket, signal, use);
  } catch {
    return undefined; // No WebSocket could be opened in time.
  }
}
