/** Frames from the server, as schemas: documents are built from them, and tests check sent frames against them. */
import { EventSchemas } from "@ag-ui/core/schemas";
import { z } from "zod";

const v = z.literal(1);
const id = z.string().optional();
const topic = z.string();
const cursor = z.string();

export const serverFrames = [
  z.object({
    v,
    type: z.literal("hello"),
    connection: z.string(),
    heartbeatSeconds: z.number(),
    limits: z.object({ messageBytes: z.int(), subscriptions: z.int() }),
  }),
  z.object({
    v,
    type: z.literal("ack"),
    id,
    topic: topic.optional(),
    runId: z.string().optional(),
    cursor: cursor.optional(),
    head: cursor.optional(),
    short: z.int().optional(),
    messageId: z.string().optional(),
    state: z.enum(["waiting", "taken"]).optional(),
  }),
  z.object({
    v,
    type: z.literal("event"),
    topic,
    cursor: cursor.optional(),
    n: z.int().min(2).optional(),
    data: EventSchemas,
  }),
  z.object({ v, type: z.literal("gap"), topic, reason: z.enum(["window", "epoch", "ahead", "corrected"]), cursor }),
  z.object({
    v,
    type: z.literal("error"),
    id,
    topic: topic.optional(),
    code: z.string(),
    message: z.string(),
    retryable: z.boolean(),
    details: z.unknown().optional(),
  }),
  z.object({ v, type: z.literal("stats"), id, topic, refused: z.record(z.string(), z.int()) }),
  z.object({ v, type: z.literal("token_expiring"), expiresInSeconds: z.number() }),
  z.object({ v, type: z.literal("draining"), reconnectAfterMs: z.number() }),
  z.object({ v, type: z.literal("pong"), id }),
  z.object({ v, type: z.literal("heartbeat") }),
] as const;
