/** One WebSocket in the `frames` format: runs, and any number of subscriptions that can be resumed. */
import { randomUUID } from "node:crypto";
import { formatCursor } from "../protocol/cursor.ts";
import { type ErrorCode, SluiceError } from "../protocol/errors.ts";
import {
  type ClientFrame,
  type EventFrames,
  encodeFrame,
  frameId,
  parseClientFrame,
  type ServerFrame,
} from "../protocol/frames.ts";
import { threadTopic, topicThread } from "../protocol/ids.ts";
import { fromCommand } from "../protocol/injected.ts";
import { isRecord, parseRunAgentInput } from "../protocol/input.ts";
import { shortEncoder } from "../protocol/short-frames.ts";
import { KeyedLock } from "../runs/keyed-lock.ts";
import type { Visitor } from "../runs/visitor.ts";
import { SignIn } from "./auth/sign-in.ts";
import { catchUpFrames } from "./catch-up.ts";
import { type Dialogue, MAX_WAITING_COMMANDS } from "./dialogue.ts";
import { type Narrowing, parseNarrowing } from "./narrowing.ts";
import type { TalkingPeer } from "./peer.ts";
import { MAX_SUBSCRIPTIONS, Places } from "./places.ts";
import { type Reader, Subscription } from "./subscription.ts";

export interface FramesConnectionOptions {
  readonly peer: TalkingPeer;
  /** `undefined`: it has to sign in before anything else. */
  readonly visitor: Visitor | undefined;
  /** @throws SluiceError `unauthorized`. */
  readonly admit: (token: string) => Promise<Visitor>;
  /** Closes the socket with the code of an error. */
  readonly close: (code: ErrorCode) => void;
  readonly agent: string | undefined;
  /** Shared by all connections of a server. */
  readonly eventFrames: EventFrames;
  readonly heartbeatMs: number;
  readonly maxMessageBytes: number;
  /** @throws SluiceError when a frame has too many values. */
  readonly checkNodes: (value: unknown) => void;
  /** Called with errors that are not reported to the peer. */
  readonly failed: (error: unknown, where: string) => void;
}

type Narrows = Pick<ClientFrame & { type: "subscribe" }, "events" | "tokens" | "reasoning" | "protocol">;

export class FramesConnection implements Dialogue {
  readonly formatName = "frames";
  readonly #options: FramesConnectionOptions;
  readonly #places = new Places();
  readonly #signIn: SignIn;
  readonly #queues = new KeyedLock();
  #numbers = 0;

  constructor(options: FramesConnectionOptions) {
    this.#options = options;
    const { peer, visitor, admit } = options;
    this.#signIn = new SignIn({
      visitor,
      admit,
      expiring: (expiresInSeconds) => this.#emit({ type: "token_expiring", expiresInSeconds }),
      over: () => options.close("unauthorized"),
      closed: peer.closed,
    });
    const leave = () => this.#places.freeAll();
    if (peer.closed.aborted) leave();
    else peer.closed.addEventListener("abort", leave, { once: true });
  }

  async open(): Promise<void> {
    const { heartbeatMs, maxMessageBytes: messageBytes } = this.#options;
    const limits = { messageBytes, subscriptions: MAX_SUBSCRIPTIONS };
    this.#emit({ type: "hello", connection: randomUUID(), heartbeatSeconds: heartbeatMs / 1_000, limits });
  }

  beat(): void {
    this.#emit({ type: "heartbeat" });
  }

  /** Asks the client to reconnect, elsewhere or later, because the server is about to stop. */
  drain(reconnectAfterMs: number): void {
    this.#emit({ type: "draining", reconnectAfterMs });
  }

  get visitor(): Visitor | undefined {
    return this.#signIn.signedIn;
  }

  async receive(text: string): Promise<void> {
    try {
      const frame = parseClientFrame(text, this.#options.checkNodes);
      const threadId = frame.type === "inject" ? await this.#lineOf(frame) : threadOf(frame);
      if (threadId !== undefined && this.#queues.waiting(threadId) >= MAX_WAITING_COMMANDS)
        throw new SluiceError("overloaded");
      // `run` and `subscribe` frames of one thread wait for each other. A `cancel` does not wait: a start in that line
      // may be waiting until the active run ends, and the `cancel` ends that run.
      await (threadId === undefined ? this.#do(frame) : this.#queues.hold(threadId, () => this.#do(frame)));
    } catch (thrown) {
      const error = SluiceError.from(thrown);
      this.#emit({ type: "error", id: frameId(text), ...error.toJSON() });
      if (error !== thrown) throw thrown;
    }
  }

  /** A message for an active run does not wait. A message for a run that is about to start waits for that run. */
  async #lineOf({ threadId }: ClientFrame & { type: "inject" }): Promise<string | undefined> {
    const thread = await this.#signIn.visitor.thread(threadId);
    return (await thread.active()) ? undefined : threadId;
  }

  async #do(frame: ClientFrame): Promise<void> {
    switch (frame.type) {
      case "run":
        return this.#run(frame);
      case "subscribe":
        return this.#subscribe(frame);
      case "unsubscribe":
        topicThread(frame.topic);
        this.#places.free(frame.topic);
        return this.#emit({ type: "ack", id: frame.id, topic: frame.topic });
      case "inject":
        return this.#inject(frame);
      case "cancel": {
        const thread = await this.#signIn.visitor.thread(frame.threadId);
        if (!(await thread.cancel())) throw new SluiceError("not_found", "There is no active run to cancel.");
        return this.#emit({ type: "ack", id: frame.id, topic: threadTopic(frame.threadId) });
      }
      case "stats": {
        const thread = await this.#signIn.visitor.thread(topicThread(frame.topic));
        const refused = await thread.refused();
        return this.#emit({ type: "stats", id: frame.id, topic: frame.topic, refused });
      }
      case "auth":
        if (!(await this.#signIn.renew(frame.token))) return;
        if (!mayWatch(this.#signIn.visitor)) this.#places.freeAll();
        return this.#emit({ type: "ack", id: frame.id });
      case "ping":
        return this.#emit({ type: "pong", id: frame.id });
    }
  }

  async #run({
    id,
    agent = this.#options.agent,
    input: sent,
    short = false,
    ...narrows
  }: ClientFrame & { type: "run" }): Promise<void> {
    const { peer } = this.#options;
    const { visitor } = this.#signIn;
    const input = parseRunAgentInput(sent);
    const topic = threadTopic(input.threadId);
    const narrowing = narrowingOf({ ...narrows, protocol: narrows.protocol ?? input.protocolVersion });
    // A subscription to this thread already gets the run's events.
    const place = this.#places.has(topic) ? undefined : this.#places.take(topic);
    try {
      const run = await visitor.start({ agent, input, detached: true, signal: peer.closed });
      const sent = place === undefined && this.#places.reads(topic) === run.topic;
      const number = sent ? undefined : this.#number(short);
      this.#emit({ type: "ack", id, topic, runId: run.runId, cursor: formatCursor(run.from), short: number });
      if (sent) return;
      const signal = place ?? this.#places.take(topic);
      const reader = this.#reader(topic, signal, narrowing, number);
      this.#follow(topic, signal, await Subscription.sinceRun(reader, run));
    } catch (error) {
      if (place) this.#places.free(topic, place);
      throw error;
    }
  }

  async #inject({ id, threadId, message }: ClientFrame & { type: "inject" }): Promise<void> {
    const sent = fromCommand(message);
    const thread = await this.#signIn.visitor.thread(threadId);
    const { runId, states } = await thread.inject([sent]);
    this.#emit({
      type: "ack",
      id,
      topic: threadTopic(threadId),
      ...states[0],
      ...(runId === undefined ? {} : { runId }),
    });
  }

  async #subscribe({
    id,
    topic,
    after,
    short = false,
    ...narrows
  }: ClientFrame & { type: "subscribe" }): Promise<void> {
    const threadId = topicThread(topic);
    const narrowing = narrowingOf(narrows);
    const signal = this.#places.take(topic);
    try {
      const thread = await this.#signIn.visitor.thread(threadId, true);
      const active = await thread.active();
      const number = this.#number(short);
      const reader = this.#reader(topic, signal, narrowing, number);
      const subscription = await Subscription.ofThread(reader, thread, after);
      const { cursor, head } = subscription;
      this.#emit({
        type: "ack",
        id,
        topic,
        ...(active && { runId: active.runId }),
        cursor: formatCursor(cursor),
        ...(head && { head: formatCursor(head) }),
        short: number,
      });
      this.#follow(topic, signal, subscription);
    } catch (error) {
      this.#places.free(topic, signal);
      throw error;
    }
  }

  /** The number that stands for a topic in short frames; no other topic of this socket ever has it. */
  #number(short: boolean): number | undefined {
    if (!short) return undefined;
    this.#numbers += 1;
    return this.#numbers;
  }

  #reader(topic: string, signal: AbortSignal, narrowing: Narrowing, number: number | undefined): Reader {
    const { visitor } = this.#signIn;
    const { eventFrames } = this.#options;
    const encode = number === undefined ? eventFrames.encoder(topic) : shortEncoder(number);
    return {
      visitor,
      format: { graph: false, encode: ({ json, cursor, count }) => [encode(cursor, count, json)] },
      narrowing,
      // A gap makes open spans void. After an abort it would also affect a later subscription to the same topic.
      catchingUp: catchUpFrames((reason, cursor) => {
        if (!signal.aborted) this.#emit({ type: "gap", topic, reason, cursor: formatCursor(cursor) });
      }),
      signal,
    };
  }

  #follow(topic: string, signal: AbortSignal, subscription: Subscription): void {
    const { peer, failed } = this.#options;
    this.#places.use(topic, signal, subscription.topic);
    // The peer may have closed in the meantime.
    if (peer.closed.aborted) this.#places.free(topic, signal);
    subscription.deliver(peer).catch((thrown: unknown) => {
      this.#places.free(topic, signal);
      const error = SluiceError.from(thrown);
      this.#emit({ type: "error", topic, ...error.toJSON() });
      if (error !== thrown) failed(thrown, "subscription");
    });
  }

  #emit(frame: ServerFrame): void {
    this.#options.peer.answer([encodeFrame(frame)]);
  }
}

function mayWatch({ principal: { scopes } }: Visitor): boolean {
  return scopes.includes("watch") || scopes.includes("admin");
}

function narrowingOf({ events, tokens, reasoning, protocol }: Narrows): Narrowing {
  const flag = (value: boolean | undefined) => (value === undefined ? undefined : String(value));
  return parseNarrowing({ events, tokens: flag(tokens), reasoning: flag(reasoning), protocol });
}

/** Returns the id of the thread whose earlier frames this frame waits for; `undefined` if it need not wait. */
function threadOf(frame: ClientFrame): string | undefined {
  if (frame.type === "subscribe") return topicThread(frame.topic);
  const threadId = frame.type === "run" && isRecord(frame.input) ? frame.input.threadId : undefined;
  return typeof threadId === "string" ? threadId : undefined;
}
