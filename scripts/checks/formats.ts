/** PROTOCOL.md as a judge of frames. On its own: it uses none of the code that makes them. */

import type { RunAgentInput } from "@ag-ui/core";
import { EventSchemas } from "@ag-ui/core/schemas";
import { z } from "zod";
import { Sequence } from "../validate-streaming/sequence.ts";
import type { SseAnswer } from "./run.ts";

const cursor = z.string().regex(/^[A-Za-z0-9]{1,32}:\d{1,15}$/);
const topic = z.string().regex(/^thread:[\w%.!~*'()-]+$/);
const v = z.literal(1);
const id = z.string().max(256).optional();

const SERVER_FRAMES = z.discriminatedUnion("type", [
  z.strictObject({
    v,
    type: z.literal("hello"),
    connection: z.string().min(1),
    heartbeatSeconds: z.number().positive(),
    limits: z.strictObject({ messageBytes: z.int().positive(), subscriptions: z.int().positive() }),
  }),
  z.looseObject({
    v,
    type: z.literal("ack"),
    id,
    topic: topic.optional(),
    runId: z.string().optional(),
    cursor: cursor.optional(),
  }),
  z.strictObject({
    v,
    type: z.literal("event"),
    topic,
    cursor: cursor.optional(),
    n: z.int().min(2).optional(),
    data: EventSchemas,
  }),
  z.strictObject({ v, type: z.literal("gap"), topic, reason: z.enum(["window", "epoch", "ahead"]), cursor }),
  z.strictObject({
    v,
    type: z.literal("error"),
    id,
    topic: topic.optional(),
    code: z.string().min(1),
    message: z.string().min(1),
    retryable: z.boolean(),
    details: z.unknown().optional(),
  }),
  z.strictObject({ v, type: z.literal("stats"), id, topic, refused: z.record(z.string(), z.int().positive()) }),
  z.strictObject({ v, type: z.literal("pong"), id }),
  z.strictObject({ v, type: z.literal("heartbeat") }),
  z.strictObject({ v, type: z.literal("draining"), reconnectAfterMs: z.number().min(0) }),
]);

const PUBLIC_METADATA = new Set([
  "thread_id",
  "run_id",
  "agent",
  "langgraph_node",
  "langgraph_step",
  "langgraph_checkpoint_ns",
  "langgraph_triggers",
  "langgraph_path",
  "ls_provider",
  "ls_model_name",
  "ls_model_type",
]);

const GRAPH_FRAMES = z.union([
  z.object({
    event: z
      .string()
      .regex(/^on_(chat_model|llm|chain|tool|retriever|prompt|parser)_(start|stream|end|error)$|^on_custom_event$/),
    name: z.string(),
    run_id: z.string(),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.unknown()),
  }),
  z.object({ event: z.literal("done"), outcome: z.enum(["done", "interrupted", "cancelled"]) }),
  z.object({ event: z.literal("error"), code: z.string(), message: z.string(), retryable: z.boolean() }),
  z.object({ event: z.literal("gap"), reason: z.string() }),
]);

/** What is wrong with a run's answer over SSE. */
export function sse({ status, type, blocks, text }: SseAnswer): string[] {
  if (status !== 200 || !type.startsWith("text/event-stream")) return [`answered ${status} ${type}`];
  const events = new Events({ exact: false });
  const frames = text.split("\n\n");
  const rest = frames.pop() ?? "";
  for (const frame of frames) {
    const strange = frame.split("\n").find((line) => !/^(id: |data: |:)/.test(line));
    if (strange !== undefined) events.problem(`no line of an event stream: ${strange.slice(0, 60)}`);
    else if (!/^(data: |:)/m.test(frame)) events.problem("a frame without data");
  }
  for (const { id, data } of blocks) if (data !== undefined) events.push(data, id);
  if (rest !== "") events.problem(`something behind the last frame: ${rest.slice(0, 60)}`);
  return events.end();
}

/** What is wrong with a run's frames in the agui format. */
export function agui(frames: readonly string[]): string[] {
  const sequence = new Sequence();
  for (const frame of frames) sequence.push(frame);
  sequence.end();
  return sequence.problems;
}

/** What is wrong with the frames of a socket that asked for `input`, then for stats and a pong, and then sent nonsense. */
export function framesFormat(frames: readonly string[], input: RunAgentInput): string[] {
  const events = new Events({ exact: true });
  let acknowledged = false;
  for (const [index, text] of frames.entries()) {
    const parsed = SERVER_FRAMES.safeParse(json(text));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      events.problem(`frame ${index + 1} (${issue?.path.join(".")}: ${issue?.message}): ${text.slice(0, 80)}`);
      continue;
    }
    const frame = parsed.data;
    if ((frame.type === "hello") !== (index === 0)) events.problem(`frame ${index + 1} is ${frame.type}`);
    if (frame.type === "ack" && frame.id === "run") {
      acknowledged = true;
      if (frame.runId !== input.runId || frame.topic !== `thread:${encodeURIComponent(input.threadId)}`) {
        events.problem("the ack names another run or topic");
      }
      events.begin(frame.cursor);
    }
    if (frame.type === "error" && frame.code !== "bad_request")
      events.problem(`refused: ${frame.code} ${frame.message}`);
    if (frame.type === "gap") events.problem("a gap in a run that was followed from its start");
    if (frame.type !== "event") continue;
    if (!acknowledged) events.problem("an event before the ack");
    // As it lay in the frame: the schema fills in defaults.
    events.push(JSON.stringify((json(text) as { data: unknown }).data), frame.cursor, frame.n);
  }
  return events.end();
}

/** What is wrong with a run's frames in the langgraph format. */
export function langgraph(frames: readonly string[]): string[] {
  const problems: string[] = [];
  for (const [index, text] of frames.entries()) {
    const value = json(text);
    const parsed = GRAPH_FRAMES.safeParse(value);
    if (!parsed.success) {
      problems.push(`frame ${index + 1} is none of this format: ${text.slice(0, 80)}`);
      continue;
    }
    const frame = parsed.data;
    const secret =
      "metadata" in frame ? Object.keys(frame.metadata).find((key) => !PUBLIC_METADATA.has(key)) : undefined;
    if (secret !== undefined) problems.push(`frame ${index + 1} tells metadata.${secret}`);
    const ends = frame.event === "done" || frame.event === "error";
    if (ends !== (index === frames.length - 1))
      problems.push(`frame ${index + 1} of ${frames.length} is ${frame.event}`);
    if (frame.event === "error" && "code" in frame) problems.push(`the run failed: ${frame.code}`);
  }
  return problems;
}

/** AG-UI events with cursors: a legal sequence, its offsets dense. */
class Events {
  readonly #sequence = new Sequence();
  readonly #problems: string[] = [];
  readonly #exact: boolean;
  #epoch: string | undefined;
  #offset: number | undefined;
  #pending = false;

  /** `exact`: a frame says how many entries it stands for. Over SSE it does not, and may still be several deltas. */
  constructor({ exact }: { exact: boolean }) {
    this.#exact = exact;
  }

  problem(what: string): void {
    this.#problems.push(what);
  }

  /** The position before the first event. */
  begin(at: string | undefined): void {
    const [epoch, offset] = (at ?? "").split(":");
    this.#epoch = epoch;
    this.#offset = Number(offset);
  }

  push(data: string, at: string | undefined, count = 1): void {
    const event = this.#sequence.push(data);
    if (event && !/_CONTENT$|_ARGS$/.test(event.type) && event.timestamp === undefined) {
      this.problem(`${event.type} without a timestamp`);
    }
    this.#pending = at === undefined;
    if (at === undefined) return;
    const [epoch = "", text = ""] = at.split(":");
    const offset = Number(text);
    if (!cursor.safeParse(at).success) this.problem(`${at} is no cursor`);
    else if (this.#epoch !== undefined && epoch !== this.#epoch) this.problem(`the epoch changes to ${epoch}`);
    else if (this.#offset !== undefined && !this.#follows(offset - this.#offset, count)) {
      this.problem(`cursor ${at} does not follow the one before, ${this.#offset}`);
    }
    this.#epoch = epoch;
    this.#offset = offset;
  }

  #follows(step: number, count: number): boolean {
    return this.#exact ? step === count : step >= 1;
  }

  end(): string[] {
    if (this.#pending) this.problem("the last event has no cursor");
    this.#sequence.end();
    const { terminal } = this.#sequence;
    if (terminal?.type === "RUN_ERROR")
      this.problem(`the run failed: ${terminal.code ?? ""} ${terminal.message}`.trim());
    return [...this.#sequence.problems, ...this.#problems];
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // No JSON is no frame: whoever judges it says so.
  }
}
