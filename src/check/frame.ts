/** Judges the server's frames by docs/binding.md. It shares no code with the server. */
import { z } from "zod";

const cursor = z.string().regex(/^[A-Za-z0-9]{1,32}:\d{1,15}$/);
const topic = z.string().regex(/^thread:[\w%.!~*'()-]+$/);
const v = z.literal(1);
const id = z.string().max(256).optional();

const SERVER_FRAMES = z.discriminatedUnion("type", [
  z.looseObject({
    v,
    type: z.literal("hello"),
    connection: z.string().min(1),
    heartbeatSeconds: z.number().positive(),
    limits: z.looseObject({ messageBytes: z.int().positive(), subscriptions: z.int().positive() }),
  }),
  z.looseObject({
    v,
    type: z.literal("ack"),
    id,
    topic: topic.optional(),
    runId: z.string().optional(),
    cursor: cursor.optional(),
  }),
  z.looseObject({
    v,
    type: z.literal("event"),
    topic,
    cursor: cursor.optional(),
    n: z.int().min(2).optional(),
    data: z.looseObject({ type: z.string() }),
  }),
  z.looseObject({
    v,
    type: z.literal("gap"),
    topic,
    reason: z.enum(["window", "epoch", "ahead", "corrected"]),
    cursor,
  }),
  z.looseObject({
    v,
    type: z.literal("error"),
    id,
    topic: topic.optional(),
    code: z.string().min(1),
    message: z.string().min(1),
    retryable: z.boolean(),
  }),
  z.looseObject({ v, type: z.literal("stats"), id, topic, refused: z.record(z.string(), z.int().positive()) }),
  z.looseObject({ v, type: z.literal("pong"), id }),
  z.looseObject({ v, type: z.literal("heartbeat") }),
  z.looseObject({ v, type: z.literal("token_expiring"), expiresInSeconds: z.number() }),
  z.looseObject({ v, type: z.literal("draining"), reconnectAfterMs: z.number().min(0) }),
]);

export type Frame = z.infer<typeof SERVER_FRAMES>;
export type EventFrame = Extract<Frame, { type: "event" }>;

/** The frame, or what is wrong with it. */
export function judgeFrame(text: string): { frame: Frame } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: `not JSON: ${text.slice(0, 80)}` };
  }
  const parsed = SERVER_FRAMES.safeParse(value);
  if (parsed.success) return { frame: parsed.data };
  const [issue] = parsed.error.issues;
  return { problem: `${issue?.path.join(".")}: ${issue?.message}: ${text.slice(0, 80)}` };
}

/** The frame; `undefined` if the text is no valid frame. */
export function frameOf(text: string): Frame | undefined {
  const judged = judgeFrame(text);
  return "frame" in judged ? judged.frame : undefined;
}

export function topicOf(threadId: string): string {
  return `thread:${encodeURIComponent(threadId)}`;
}

/** The events of a topic in frames, in the same form as the events of a response. */
export function eventsIn(frames: readonly string[], topic: string): { json: string; at: string | undefined }[] {
  return frames.flatMap((text) => {
    const frame = frameOf(text);
    if (frame?.type !== "event" || frame.topic !== topic) return [];
    return [{ json: JSON.stringify(frame.data), at: frame.cursor }];
  });
}
