/** One WebSocket in the `frames` format: runs, and any number of subscriptions that can be resumed. */
import { randomUUID } from "node:crypto";
import type { EventLog } from "../log/log.ts";
import { type Cursor, formatCursor } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import {
  type ClientFrame,
  encodeEvent,
  encodeFrame,
  frameId,
  parseClientFrame,
  type ServerFrame,
} from "../protocol/frames.ts";
import { checkId, threadTopic, topicThread } from "../protocol/ids.ts";
import { isRecord, parseRunAgentInput } from "../protocol/input.ts";
import type { Visitor } from "../runs/handle.ts";
import { KeyedLock } from "../runs/keyed-lock.ts";
import type { RunManager } from "../runs/manager.ts";
import { standing } from "./catch-up.ts";
import { type Conversation, MAX_WAITING_COMMANDS } from "./conversation.ts";
import { type CatchUp, deliver } from "./deliver.ts";
import { type Narrowing, parseNarrowing, viewFor } from "./narrowing.ts";
import type { TalkingPeer } from "./peer.ts";

/** The most topics one socket may follow. */
const MAX_SUBSCRIPTIONS = 64;

export interface FramesConnectionOptions {
  readonly runs: RunManager;
  readonly log: EventLog;
  readonly peer: TalkingPeer;
  readonly visitor: Visitor;
  readonly agent: string | undefined;
  readonly heartbeatMs: number;
  readonly maxMessageBytes: number;
  /** Hears of errors that the peer is told nothing about. */
  readonly failed: (error: unknown, where: string) => void;
}

type Narrows = Pick<ClientFrame & { type: "subscribe" }, "events" | "tokens" | "reasoning" | "protocol">;

export class FramesConnection implements Conversation {
  readonly #options: FramesConnectionOptions;
  readonly #subscriptions = new Map<string, () => void>();
  readonly #lines = new KeyedLock();

  constructor(options: FramesConnectionOptions) {
    this.#options = options;
    const { peer, heartbeatMs } = options;
    const heartbeat = setInterval(() => this.#tell({ type: "heartbeat" }), heartbeatMs);
    const close = () => {
      clearInterval(heartbeat);
      for (const end of this.#subscriptions.values()) end();
    };
    if (peer.closed.aborted) close();
    else peer.closed.addEventListener("abort", close, { once: true });
  }

  async open(): Promise<void> {
    const { heartbeatMs, maxMessageBytes: messageBytes } = this.#options;
    const limits = { messageBytes, subscriptions: MAX_SUBSCRIPTIONS };
    this.#tell({ type: "hello", connection: randomUUID(), heartbeatSeconds: heartbeatMs / 1_000, limits });
  }

  /** The server is about to go: come back, elsewhere or later. */
  drain(reconnectAfterMs: number): void {
    this.#tell({ type: "draining", reconnectAfterMs });
  }

  async receive(text: string): Promise<void> {
    try {
      const frame = parseClientFrame(text);
      const threadId = threadOf(frame);
      if (threadId !== undefined && this.#lines.waiting(threadId) >= MAX_WAITING_COMMANDS)
        throw new SluiceError("overloaded");
      // In line with what else is asked of the same thread; cancelling does not wait for what it is to end.
      await (threadId === undefined ? this.#do(frame) : this.#lines.hold(threadId, () => this.#do(frame)));
    } catch (thrown) {
      const error = SluiceError.from(thrown);
      this.#tell({ type: "error", id: frameId(text), ...error.toJSON() });
      if (error !== thrown) throw thrown;
    }
  }

  async #do(frame: ClientFrame): Promise<void> {
    const { runs } = this.#options;
    switch (frame.type) {
      case "run":
        return this.#run(frame);
      case "subscribe":
        return this.#subscribe(frame);
      case "unsubscribe":
        topicThread(frame.topic);
        this.#subscriptions.get(frame.topic)?.();
        return this.#tell({ type: "ack", id: frame.id, topic: frame.topic });
      case "cancel":
        if (!runs.cancel(checkId("threadId", frame.threadId))) {
          throw new SluiceError("not_found", "There is no active run to cancel.");
        }
        return this.#tell({ type: "ack", id: frame.id, topic: threadTopic(frame.threadId) });
      case "stats": {
        const refused = await runs.threads.refused(topicThread(frame.topic));
        return this.#tell({ type: "stats", id: frame.id, topic: frame.topic, refused });
      }
      case "auth":
        // Nobody has to sign in yet; a client that offers to is not refused.
        return this.#tell({ type: "ack", id: frame.id });
      case "ping":
        return this.#tell({ type: "pong", id: frame.id });
    }
  }

  async #run({
    id,
    agent = this.#options.agent,
    input: sent,
    ...narrows
  }: ClientFrame & { type: "run" }): Promise<void> {
    const { runs, peer, visitor } = this.#options;
    const input = parseRunAgentInput(sent);
    const topic = threadTopic(input.threadId);
    this.#roomFor(topic);
    const protocol = narrows.protocol ?? input.protocolVersion;
    const narrowing = narrowingOf({ ...narrows, protocol });
    const handle = await runs.start({ agent, input, visitor, detached: true, signal: peer.closed });
    const { runId, from } = handle;
    this.#tell({ type: "ack", id, topic, runId, cursor: formatCursor(from) });
    // A subscription to this thread tells of the run already.
    if (!this.#subscriptions.has(topic)) this.#follow(topic, input.threadId, { after: from, since: from }, narrowing);
  }

  async #subscribe({ id, topic, after, ...narrows }: ClientFrame & { type: "subscribe" }): Promise<void> {
    const { runs } = this.#options;
    const threadId = topicThread(topic);
    const narrowing = narrowingOf(narrows);
    this.#subscriptions.get(topic)?.();
    this.#roomFor(topic);
    const active = runs.active(threadId);
    if (after) {
      const since = await runs.threads.runAt(threadId, after);
      this.#tell({ type: "ack", id, topic, ...(active ? { runId: active.runId } : {}), cursor: formatCursor(after) });
      return this.#follow(topic, threadId, { after, since }, narrowing);
    }
    const first = await standing(runs, { threadId, questions: true });
    this.#tell({
      type: "ack",
      id,
      topic,
      ...(active ? { runId: active.runId } : {}),
      cursor: formatCursor(first.cursor),
    });
    this.#follow(topic, threadId, { after: first.cursor, first }, narrowing);
  }

  #follow(
    topic: string,
    threadId: string,
    position: { after: Cursor; since?: Cursor | undefined; first?: CatchUp },
    narrowing: Narrowing,
  ): void {
    const { runs, log, peer, failed } = this.#options;
    const following = new AbortController();
    const leave = runs.follow(threadId);
    const end = () => {
      following.abort();
      leave();
      if (this.#subscriptions.get(topic) === end) this.#subscriptions.delete(topic);
    };
    this.#subscriptions.set(topic, end);
    if (peer.closed.aborted) {
      end();
      return;
    }
    const topicJson = JSON.stringify(topic);
    deliver({
      log,
      topic: threadTopic(threadId),
      ...position,
      view: viewFor(narrowing, () => undefined),
      format: { graph: false, encode: ({ json, cursor, count }) => [encodeEvent(topicJson, cursor, count, json)] },
      peer,
      signal: following.signal,
      catchUp: async (reason) => {
        const caughtUp = await standing(runs, { threadId });
        // What was open before the gap is void: the sequence begins anew. Of another subscription it would void too much.
        if (!following.signal.aborted)
          this.#tell({ type: "gap", topic, reason, cursor: formatCursor(caughtUp.cursor) });
        return caughtUp;
      },
    }).catch((thrown: unknown) => {
      end();
      const error = SluiceError.from(thrown);
      this.#tell({ type: "error", topic, ...error.toJSON() });
      if (error !== thrown) failed(thrown, "subscription");
    });
  }

  #roomFor(topic: string): void {
    if (this.#subscriptions.size < MAX_SUBSCRIPTIONS || this.#subscriptions.has(topic)) return;
    throw new SluiceError("overloaded", `A socket may follow ${MAX_SUBSCRIPTIONS} topics. Unsubscribe from one first.`);
  }

  #tell(frame: ServerFrame): void {
    this.#options.peer.answer([encodeFrame(frame)]);
  }
}

function narrowingOf({ events, tokens, reasoning, protocol }: Narrows): Narrowing {
  const flag = (value: boolean | undefined) => (value === undefined ? undefined : String(value));
  return parseNarrowing({ events, tokens: flag(tokens), reasoning: flag(reasoning), protocol });
}

/** The thread a frame has to wait its turn for; none for what makes sense at once. */
function threadOf(frame: ClientFrame): string | undefined {
  if (frame.type === "subscribe") return topicThread(frame.topic);
  const threadId = frame.type === "run" && isRecord(frame.input) ? frame.input.threadId : undefined;
  return typeof threadId === "string" ? threadId : undefined;
}
