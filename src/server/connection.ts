/**
 * One WebSocket in the formats that follow one thread at a time: its messages become runs, and events become frames.
 */
import { randomUUID } from "node:crypto";
import { type ClientCommand, HELP, parseCommand } from "../protocol/commands.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, isTerminal, type RunAgentInput } from "../protocol/events.ts";
import { checkId } from "../protocol/ids.ts";
import { parseRunAgentInput } from "../protocol/input.ts";
import { KeyedLock } from "../runs/keyed-lock.ts";
import type { VisitedRun, VisitedThread } from "../runs/visited-thread.ts";
import type { Visitor } from "../runs/visitor.ts";
import { tokenExpiring, watchExpiry } from "./auth/expiry.ts";
import { catchUpAgui, catchUpGraph } from "./catch-up.ts";
import { type Dialogue, MAX_WAITING_COMMANDS } from "./dialogue.ts";
import type { Format } from "./formats/format.ts";
import type { Narrowing } from "./narrowing.ts";
import type { TalkingPeer } from "./peer.ts";
import { type Reader, Subscription } from "./subscription.ts";
import type { Outgoing } from "./view.ts";

export interface ConnectionOptions {
  readonly peer: TalkingPeer;
  readonly visitor: Visitor;
  readonly format: Format;
  readonly narrowing: Narrowing;
  readonly agent: string | undefined;
  readonly formatName: string;
  /** @throws SluiceError when a message has too many values. */
  readonly checkNodes: (value: unknown) => void;
  /** The thread it is opened on. */
  readonly thread: VisitedThread;
  /** It is opened to read one run, after a position within it or from its start. */
  readonly joins?: { readonly run: VisitedRun; readonly after: Cursor | undefined } | undefined;
  /** Closes the socket: all that it was opened for has been sent. */
  readonly end: () => void;
  /** Called when the peer has to reconnect. */
  readonly expelled: (error: SluiceError) => void;
}

export class Connection implements Dialogue {
  readonly formatName: string;
  readonly #options: ConnectionOptions;
  readonly #format: Format;
  #agent: string | undefined;
  #thread: VisitedThread;
  /** Announced with the last input; a client's generation does not change. */
  #announced: string | undefined;
  readonly #queue = new KeyedLock();
  #following: AbortController | undefined;
  /** The position at which the following began. */
  #from: Cursor = { epoch: "", offset: 0 };
  /** Has this peer been sent a run's start and not its end? Then only events that fit inside a run may be sent. */
  #runOpen = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.formatName = options.formatName;
    this.#agent = options.agent;
    this.#thread = options.thread;
    const { format } = options;
    this.#format = { graph: format.graph, encode: (out) => this.#noting(out) };
    // These formats cannot renew a sign-in: the client comes back with a newer token.
    const unwatch = watchExpiry(options.visitor.principal, {
      expiring: (seconds) => this.#emit([tokenExpiring(seconds)]),
      over: () => options.expelled(new SluiceError("unauthorized")),
    });
    const close = () => {
      unwatch();
      this.#following?.abort();
    };
    if (options.peer.closed.aborted) close();
    else options.peer.closed.addEventListener("abort", close, { once: true });
  }

  /** Follows the thread it was opened on: from the start of its run, if one is active, else from now on. */
  async open(): Promise<void> {
    const { joins, end } = this.#options;
    if (joins) return this.#follow((reader) => Subscription.ofRun(reader, joins.run, joins.after), end);
    // Until now no reader wanted graph events of this run, so its earlier ones were not written.
    if (this.#format.graph && (await this.#thread.writeGraph())) {
      await this.#options.peer.send([JSON.stringify({ event: "gap", reason: "window" })]);
      this.#runOpen = true;
    }
    await this.#follow((reader) => Subscription.live(reader, this.#thread));
  }

  get visitor(): Visitor {
    return this.#options.visitor;
  }

  async receive(text: string): Promise<void> {
    let command: ClientCommand;
    try {
      command = parseCommand(text, this.#options.checkNodes);
    } catch (error) {
      this.#reportError(SluiceError.from(error));
      return;
    }
    if (await this.#isUrgent(command)) return this.#attempt(command);
    if (this.#queue.waiting("") >= MAX_WAITING_COMMANDS) return this.#reportError(new SluiceError("overloaded"));
    // One after the other, so that a second line finds the thread as the first one left it.
    return this.#queue.hold("", () => this.#attempt(command));
  }

  /**
   * Commands that need not wait, even while a start waits for the thread. If the thread cannot be looked up, the command
   * fails in the same way, and its error is sent.
   */
  #isUrgent(command: ClientCommand): boolean | Promise<boolean> {
    if (command.type !== "cancel" && command.type !== "inject")
      return command.type === "ping" || command.type === "help";
    return Promise.resolve(this.#named(command.threadId))
      .then((thread) => thread.active())
      .then(
        (active) => active !== undefined,
        () => true,
      );
  }

  /** Returns the thread with this id. The connection's own thread needs no lookup. */
  #named(threadId: string | undefined): VisitedThread | Promise<VisitedThread> {
    if (threadId === undefined || threadId === this.#thread.threadId) return this.#thread;
    return this.#options.visitor.thread(threadId);
  }

  async #attempt(command: ClientCommand): Promise<void> {
    try {
      await this.#do(command);
    } catch (error) {
      this.#reportError(SluiceError.from(error));
      if (!(error instanceof SluiceError)) throw error;
    }
  }

  async #do(command: ClientCommand): Promise<void> {
    const { visitor } = this.#options;
    switch (command.type) {
      case "message":
        return this.#run(this.#agent, this.#input({ id: randomUUID(), role: "user", content: command.text }));
      case "run":
        return this.#run(command.agent ?? this.#agent, parseRunAgentInput(command.input));
      case "cancel": {
        const thread = await this.#named(command.threadId);
        if (!(await thread.cancel(command.runId)))
          throw new SluiceError("not_found", "There is no active run to cancel.");
        return;
      }
      case "inject": {
        const thread = await this.#named(command.threadId);
        await thread.inject([command.message]);
        return;
      }
      case "resume":
        return this.#answer(command);
      case "thread":
        await this.#go(checkId("thread", command.threadId));
        return this.#notice(`On thread ${this.#thread.threadId}.`);
      case "agent":
        this.#agent = visitor.agent(command.agent).name;
        return this.#notice(`Talking to ${this.#agent}.`);
      case "help":
        return this.#notice(HELP);
      case "ping":
        return this.#emit([{ type: EventType.CUSTOM, name: "sluice.pong", value: null }]);
    }
  }

  async #run(agent: string | undefined, input: RunAgentInput): Promise<void> {
    this.#announced = input.protocolVersion ?? this.#announced;
    const { peer, visitor } = this.#options;
    const { graph } = this.#format;
    const run = await visitor.start({ agent, input, graphTopic: graph, signal: peer.closed });
    const from = graph ? run.graphFrom : run.from;
    // A new run on the same thread is already being sent. A run that is over is sent again.
    const sent = run.thread.topic() === this.#thread.topic() && !liesBefore(from, this.#from);
    if (sent && (graph || !run.over)) return;
    this.#thread = run.thread;
    this.#runOpen = false;
    await this.#follow((reader) => Subscription.sinceRun(reader, run));
  }

  async #go(threadId: string): Promise<void> {
    this.#thread = await this.#options.visitor.thread(threadId, true);
    this.#runOpen = false;
    await this.open();
  }

  #input(...messages: RunAgentInput["messages"]): RunAgentInput {
    return { threadId: this.#thread.threadId, runId: randomUUID(), messages, tools: [], context: [] };
  }

  /** Answers every open interrupt, or the one that the command names, with a run of the agent that asked. */
  async #answer({ payload, interruptId }: ClientCommand & { type: "resume" }): Promise<void> {
    const { agent, interrupts } = await this.#thread.waiting();
    if (interrupts.length === 0) throw new SluiceError("bad_request", "Nothing here waits for an answer.");
    const asked = interruptId === undefined ? interrupts : interrupts.filter(({ id }) => id === interruptId);
    const resume = asked.map(({ id }) => ({ interruptId: id, status: "resolved" as const, payload }));
    return this.#run(agent, { ...this.#input(), resume });
  }

  /** Follows from another position, and no longer from the last one. */
  async #follow(subscribe: (reader: Reader) => Promise<Subscription>, over = () => {}): Promise<void> {
    this.#following?.abort();
    const { peer, visitor, narrowing } = this.#options;
    const following = new AbortController();
    this.#following = following;
    // The peer may have closed while the run was admitted: then nobody follows.
    if (peer.closed.aborted) following.abort();
    const subscription = await subscribe({
      visitor,
      format: this.#format,
      narrowing,
      announced: () => this.#announced,
      catchingUp: this.#format.graph ? catchUpGraph(peer) : catchUpAgui,
      signal: following.signal,
    });
    this.#from = subscription.cursor;
    subscription.deliver(peer).then(over, (error: unknown) => this.#options.expelled(SluiceError.from(error)));
  }

  #noting(out: Outgoing): string[] {
    if (out.type === EventType.RUN_STARTED || out.type === "GRAPH") this.#runOpen = true;
    else if (out.type === "GRAPH_END" || isTerminal(out.type)) this.#runOpen = false;
    return this.#options.format.encode(out);
  }

  #notice(text: string): void {
    this.#emit([{ type: EventType.CUSTOM, name: "sluice.notice", value: text }]);
  }

  /** Outside a run, an error stands for a run that could not start; inside one, it must not end that run. */
  #reportError(error: SluiceError): void {
    const { code, message, retryable } = error;
    if (this.#runOpen) this.#emit([{ type: EventType.CUSTOM, name: "sluice.error", value: error.toJSON() }]);
    else this.#emit([{ type: EventType.RUN_ERROR, message, code, metadata: { retryable } }]);
  }

  #emit(events: AguiEvent[]): void {
    const { peer, format } = this.#options;
    const frames = events.flatMap((event) =>
      format.graph
        ? [graphFrame(event)]
        : format.encode({ json: JSON.stringify(event), type: event.type, edge: "point", cursor: undefined, count: 1 }),
    );
    peer.answer(frames);
  }
}

/** A cursor without an epoch stands before everything. */
function liesBefore(a: Cursor, b: Cursor): boolean {
  return b.epoch !== "" && (a.epoch === "" || (a.epoch === b.epoch && a.offset < b.offset));
}

/** The frames of the `langgraph` format are graph events, so answers are graph events too. */
function graphFrame(event: AguiEvent): string {
  if (event.type === EventType.RUN_ERROR) {
    const { code, message, metadata } = event;
    return JSON.stringify({ event: "error", code, message, ...metadata });
  }
  return event.type === EventType.CUSTOM
    ? JSON.stringify({ event: "on_custom_event", name: event.name, data: event.value })
    : JSON.stringify(event);
}
