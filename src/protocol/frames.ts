/**
 * The `frames` format: the frames in both directions on a socket with the subprotocol `sluice.v1`. PROTOCOL.md explains
 * it.
 */
import { z } from "zod";
import { type Cursor, formatCursor, parseCursor } from "./cursor.ts";
import { SluiceError } from "./errors.ts";
import { injected } from "./injected.ts";
import { isRecord, parseWith } from "./input.ts";
import { parseJson } from "./json-text.ts";
import type { serverFrames } from "./server-frames.ts";

export { SUBPROTOCOL } from "./subprotocol.ts";

/** Things that one subscription may narrow, like the parameters of the URL. */
const narrowing = {
  events: z.string().optional(),
  tokens: z.boolean().optional(),
  reasoning: z.boolean().optional(),
  protocol: z.string().optional(),
};

/** Asks for short frames for the events. */
const short = z.boolean().optional();

const id = z.string().max(256).optional();
const topic = z.string().startsWith("thread:").max(1_024);

const cursor = z.string().transform((text, context): Cursor => {
  const parsed = parseCursor(text);
  if (parsed) return parsed;
  context.addIssue({ code: "custom", message: "must be a cursor, like k3v9:17" });
  return z.NEVER;
});

/** The schema of each frame from a client, by its type. */
export const clientFrames = {
  run: z.object({ type: z.literal("run"), id, agent: z.string().optional(), input: z.unknown(), short, ...narrowing }),
  subscribe: z.object({ type: z.literal("subscribe"), id, topic, after: cursor.optional(), short, ...narrowing }),
  unsubscribe: z.object({ type: z.literal("unsubscribe"), id, topic }),
  inject: z.object({ type: z.literal("inject"), id, threadId: z.string(), message: injected }),
  cancel: z.object({ type: z.literal("cancel"), id, threadId: z.string() }),
  stats: z.object({ type: z.literal("stats"), id, topic }),
  auth: z.object({ type: z.literal("auth"), id, token: z.string().max(16_384) }),
  ping: z.object({ type: z.literal("ping"), id }),
} as const;

type ClientFrames = typeof clientFrames;
export type ClientFrame = { [K in keyof ClientFrames]: z.infer<ClientFrames[K]> }[keyof ClientFrames];

/**
 * The frame in a text message.
 * @throws SluiceError `bad_request` that names the field, or the error that `check` throws for the JSON value.
 */
export function parseClientFrame(text: string, check: (value: unknown) => void = () => {}): ClientFrame {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    throw new SluiceError("bad_request", "A frame must be JSON, and this is not.");
  }
  check(value);
  const type = isRecord(value) ? value.type : undefined;
  if (typeof type === "string" && Object.hasOwn(clientFrames, type)) {
    return parseWith(clientFrames[type as keyof ClientFrames] as z.ZodType<ClientFrame>, value, type);
  }
  throw new SluiceError(
    "bad_request",
    `The type of a frame is missing or unknown; valid are ${Object.keys(clientFrames).join(", ")}.`,
  );
}

/** The id a frame came with, so that even an error about it can name it. */
export function frameId(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && typeof value.id === "string" ? value.id : undefined;
  } catch {
    return undefined; // Text that is not JSON has no id; `parseClientFrame` reports the problem.
  }
}

/**
 * Why a cursor cannot be continued: its entries were trimmed (`window`), it belongs to a log that was lost (`epoch`),
 * it lies ahead of the head (`ahead`), or the events after it were taken back later (`corrected`).
 */
export type GapReason = "window" | "epoch" | "ahead" | "corrected";

/** Frames from the server, without `v`; `EventFrames` makes those of events. Clients ignore types and fields they do not know. */
export type ServerFrame = DistributiveOmit<Exclude<z.input<(typeof serverFrames)[number]>, { type: "event" }>, "v">;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export function encodeFrame(frame: ServerFrame): string {
  return JSON.stringify({ v: 1, ...frame });
}

interface EventFrame {
  readonly topic: string;
  readonly cursor: Cursor | undefined;
  readonly count: number;
  readonly json: string;
  readonly text: string;
}

/**
 * The frames of events. All readers of a topic are sent the same entry one after the other, so its frame is made only
 * once.
 */
export class EventFrames {
  #last: EventFrame = { topic: "", cursor: undefined, count: 0, json: "", text: "" };

  /**
   * Puts the events of one topic into frames, around JSON that was made before. `count`: how many entries an event
   * covers; `cursor` is that of the last.
   */
  encoder(topic: string): (cursor: Cursor | undefined, count: number, json: string) => string {
    const topicJson = JSON.stringify(topic);
    return (cursor, count, json) => {
      const last = this.#last;
      if (json === last.json && topic === last.topic && count === last.count && isSame(cursor, last.cursor))
        return last.text;
      const position = cursor ? `"cursor":"${formatCursor(cursor)}",` : "";
      const n = count > 1 ? `"n":${count},` : "";
      const text = `{"v":1,"type":"event","topic":${topicJson},${position}${n}"data":${json}}`;
      this.#last = { topic, cursor, count, json, text };
      return text;
    };
  }
}

function isSame(a: Cursor | undefined, b: Cursor | undefined): boolean {
  return a?.offset === b?.offset && a?.epoch === b?.epoch;
}
