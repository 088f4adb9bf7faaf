/** One WebSocket in the formats that follow one thread at a time: what it says becomes runs, what happens becomes frames. */
import { randomUUID } from "node:crypto";
import type { EventLog } from "../log/log.ts";
import { type ClientCommand, HELP, parseCommand } from "../protocol/commands.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, isTerminal, type RunAgentInput } from "../protocol/events.ts";
import { checkId, graphTopic, threadTopic } from "../protocol/ids.ts";
import { parseRunAgentInput } from "../protocol/input.ts";
import type { Visitor } from "../runs/handle.ts";
import { KeyedLock } from "../runs/keyed-lock.ts";
import type { RunManager } from "../runs/manager.ts";
import { catchUpAgui } from "./catch-up.ts";
import { type Conversation, MAX_WAITING_COMMANDS } from "./conversation.ts";
import { deliver } from "./deliver.ts";
import type { Format } from "./formats/format.ts";
import { type Narrowing, viewFor } from "./narrowing.ts";
import type { TalkingPeer } from "./peer.ts";
import type { Outgoing } from "./view.ts";

export interface ConnectionOptions {
  readonly runs: RunManager;
  readonly log: EventLog;
  readonly peer: TalkingPeer;
  readonly visitor: Visitor;
  readonly format: Format;
  readonly narrowing: Narrowing;
  readonly agent: string | undefined;
  readonly threadId: string | undefined;
  /** The peer cannot go on and must come back. */
  readonly expelled: (error: SluiceError) => void;
}

export class Connection implements Conversation {
  readonly #options: ConnectionOptions;
  readonly #format: Format;
  #agent: string | undefined;
  #threadId: string;
  /** Announced with the last input; a client's generation does not change. */
  #announced: string | undefined;
  readonly #line = new KeyedLock();
  #following: AbortController | undefined;
  /** Where the following began. */
  #from: Cursor = { epoch: "", offset: 0 };
  #leave: () => void = () => {};
  /** Is a run open in what this peer has been sent? Then only events that fit inside a run may be. */
  #runOpen = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#agent = options.agent;
    this.#threadId = options.threadId ?? randomUUID();
    const { format } = options;
    this.#format = { graph: format.graph, encode: (out) => this.#noting(out) };
    options.peer.closed.addEventListener("abort", () => this.#unfollow(), { once: true });
  }

  /** Follows the thread it was opened on: from the start of its run, if one is active, else from now on. */
  async open(): Promise<void> {
    const { runs, log, peer } = this.#options;
    const active = runs.active(this.#threadId);
    // A run that nobody wanted as graph events until now: what came before is gone for this reader.
    if (this.#format.graph && runs.writeGraph(this.#threadId)) {
      await peer.send([JSON.stringify({ event: "gap", reason: "window" })]);
      this.#runOpen = true;
    }
    const from = this.#format.graph ? active?.graphFrom : active?.from;
    this.#follow(from ?? (await log.open(this.#topic)));
  }

  async receive(text: string): Promise<void> {
    let command: ClientCommand;
    try {
      command = parseCommand(text);
    } catch (error) {
      this.#tellError(SluiceError.from(error));
      return;
    }
    if (this.#isUrgent(command)) return this.#attempt(command);
    if (this.#line.waiting("") >= MAX_WAITING_COMMANDS) return this.#tellError(new SluiceError("overloaded"));
    // In line, so that a line typed behind a line finds the thread as the first one left it.
    return this.#line.hold("", () => this.#attempt(command));
  }

  /** What makes sense at once, though a run still waits for its thread. */
  #isUrgent(command: ClientCommand): boolean {
    if (command.type !== "cancel") return command.type === "ping" || command.type === "help";
    return this.#options.runs.active(command.threadId ?? this.#threadId) !== undefined;
  }

  async #attempt(command: ClientCommand): Promise<void> {
    try {
      await this.#do(command);
    } catch (error) {
      this.#tellError(SluiceError.from(error));
      if (!(error instanceof SluiceError)) throw error;
    }
  }

  async #do(command: ClientCommand): Promise<void> {
    const { runs } = this.#options;
    switch (command.type) {
      case "message":
        return this.#run(this.#agent, this.#input({ id: randomUUID(), role: "user", content: command.text }));
      case "run":
        return this.#run(command.agent ?? this.#agent, parseRunAgentInput(command.input));
      case "cancel": {
        const cancelled = runs.cancel(command.threadId ?? this.#threadId);
        if (!cancelled) throw new SluiceError("not_found", "There is no active run to cancel.");
        return;
      }
      case "resume":
        return this.#answer(command);
      case "thread":
        await this.#go(checkId("thread", command.threadId));
        return this.#notice(`On thread ${this.#threadId}.`);
      case "agent":
        this.#agent = runs.agent(command.agent).name;
        return this.#notice(`Talking to ${this.#agent}.`);
      case "help":
        return this.#notice(HELP);
      case "ping":
        return this.#tell([{ type: EventType.CUSTOM, name: "sluice.pong", value: null }]);
    }
  }

  async #run(agent: string | undefined, input: RunAgentInput): Promise<void> {
    const { runs } = this.#options;
    this.#announced = input.protocolVersion ?? this.#announced;
    const { peer, visitor } = this.#options;
    const { graph } = this.#format;
    const handle = await runs.start({ agent, input, visitor, graphTopic: graph, signal: peer.closed });
    const from = graph ? handle.graphFrom : handle.from;
    // On this thread a new run is being told already. One that is over and asked for again is told again.
    const told = handle.threadId === this.#threadId && !liesBefore(from, this.#from);
    if (told && (graph || !handle.over)) return;
    this.#threadId = handle.threadId;
    this.#runOpen = false;
    this.#follow(from);
  }

  async #go(threadId: string): Promise<void> {
    this.#threadId = threadId;
    this.#runOpen = false;
    await this.open();
  }

  #input(...messages: RunAgentInput["messages"]): RunAgentInput {
    return { threadId: this.#threadId, runId: randomUUID(), messages, tools: [], context: [] };
  }

  /** One answer goes to every open interrupt, unless it names one; and to the agent that asked. */
  async #answer({ payload, interruptId }: ClientCommand & { type: "resume" }): Promise<void> {
    const { agent, interrupts } = await this.#options.runs.threads.waiting(this.#threadId);
    if (interrupts.length === 0) throw new SluiceError("bad_request", "Nothing here waits for an answer.");
    const asked = interruptId === undefined ? interrupts : interrupts.filter(({ id }) => id === interruptId);
    const resume = asked.map(({ id }) => ({ interruptId: id, status: "resolved" as const, payload }));
    return this.#run(agent, { ...this.#input(), resume });
  }

  #follow(after: Cursor): void {
    this.#unfollow();
    const { runs, log, peer, narrowing } = this.#options;
    const following = new AbortController();
    this.#following = following;
    this.#from = after;
    this.#leave = runs.follow(this.#threadId, this.#format.graph);
    const threadId = this.#threadId;
    deliver({
      log,
      topic: this.#topic,
      after,
      view: viewFor(narrowing, () => this.#announced),
      format: this.#format,
      peer,
      signal: following.signal,
      catchUp: async (reason, begun) => {
        if (!this.#format.graph) return catchUpAgui(runs, { threadId, runId: randomUUID() }, reason, begun);
        await peer.send([JSON.stringify({ event: "gap", reason })]);
        return undefined;
      },
    }).catch((error: unknown) => this.#options.expelled(SluiceError.from(error)));
    // The peer may have closed while the run was admitted: then nobody follows.
    if (peer.closed.aborted) this.#unfollow();
  }

  #unfollow(): void {
    this.#following?.abort();
    this.#following = undefined;
    this.#leave();
    this.#leave = () => {};
  }

  get #topic() {
    return this.#format.graph ? graphTopic(this.#threadId) : threadTopic(this.#threadId);
  }

  #noting(out: Outgoing): string[] {
    if (out.type === EventType.RUN_STARTED || out.type === "GRAPH") this.#runOpen = true;
    else if (out.type === "GRAPH_END" || isTerminal(out.type)) this.#runOpen = false;
    return this.#options.format.encode(out);
  }

  #notice(text: string): void {
    this.#tell([{ type: EventType.CUSTOM, name: "sluice.notice", value: text }]);
  }

  /** Outside a run an error is a run that could not be; inside one it must not end the run that goes on. */
  #tellError(error: SluiceError): void {
    const { code, message, retryable } = error;
    if (this.#runOpen) this.#tell([{ type: EventType.CUSTOM, name: "sluice.error", value: error.toJSON() }]);
    else this.#tell([{ type: EventType.RUN_ERROR, message, code, metadata: { retryable } }]);
  }

  #tell(events: AguiEvent[]): void {
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

/** The `langgraph` format speaks in graph events, so answers do too. */
function graphFrame(event: AguiEvent): string {
  if (event.type === EventType.RUN_ERROR) {
    const { code, message, metadata } = event;
    return JSON.stringify({ event: "error", code, message, ...metadata });
  }
  return event.type === EventType.CUSTOM
    ? JSON.stringify({ event: "on_custom_event", name: event.name, data: event.value })
    : JSON.stringify(event);
}
