/**
 * LangGraph's Agent Streaming Protocol over a WebSocket: commands up, and the events of any number of subscriptions down,
 * all of one thread.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type ErrorCode, SluiceError } from "../../protocol/errors.ts";
import { checkId } from "../../protocol/ids.ts";
import { isRecord, parseWith } from "../../protocol/input.ts";
import { parseJson } from "../../protocol/json-text.ts";
import type { Visitor } from "../../runs/visitor.ts";
import { SignIn } from "../auth/sign-in.ts";
import { catchUpAgui } from "../catch-up.ts";
import { type Dialogue, MAX_WAITING_COMMANDS } from "../dialogue.ts";
import { parseNarrowing } from "../narrowing.ts";
import type { TalkingPeer } from "../peer.ts";
import type { ServerOptions } from "../server-options.ts";
import type { SocketRoute } from "../socket-route.ts";
import { Subscription } from "../subscription.ts";
import { failure, type ProtocolCommand, parseProtocolCommand, perform, success } from "./protocol-commands.ts";
import { eventsOf, parseWanted, type Sending, type Wanted } from "./protocol-events.ts";
import { Listeners } from "./protocol-listeners.ts";

const FORMAT = "langgraph-protocol";

export function protocolSocket({ door, limits }: ServerOptions): SocketRoute {
  return {
    path: "/langgraph/threads/:threadId/stream/events",
    formats: [FORMAT],
    // A browser's page does not learn the HTTP status of a refusal, and would try again and again.
    closesWithReason: true,
    async admit({ request, parameters, segments }, place) {
      const threadId = checkId("thread_id", segments.threadId ?? "");
      const visitor = await door.admitSocket(request, parameters.get("ticket") ?? undefined, false);
      if (!visitor) throw new SluiceError("unauthorized");
      await limits.mayTalk(visitor.client);
      place.take(visitor.client);
      visitor.needNoShare();
      visitor.need("watch");
      const checkNodes = (value: unknown) => limits.nodes(value);
      return (peer) =>
        new ProtocolConnection({ peer, visitor, threadId, checkNodes, close: (code) => peer.close(code) });
    },
  };
}

interface ProtocolConnectionOptions {
  readonly peer: TalkingPeer;
  readonly visitor: Visitor;
  readonly threadId: string;
  /** @throws SluiceError when a command has too many values. */
  readonly checkNodes: (value: unknown) => void;
  /** Closes the socket with the code of an error. */
  readonly close: (code: ErrorCode) => void;
}

/** The milliseconds in which a client that comes back sends all of its subscriptions. */
const GATHER_MS = 10;

const unsubscribe = z.object({ subscription_id: z.string() });

class ProtocolConnection implements Dialogue {
  readonly formatName = FORMAT;
  readonly visitor: Visitor;
  readonly #options: ProtocolConnectionOptions;
  readonly #listeners = new Listeners();
  readonly #sending: Sending = {
    isWanted: (event, position) => this.#listeners.want(event, position),
    write: (json) => json,
  };
  /** Subscriptions that wait for the next reading to begin, each with the answer to its command. */
  readonly #joining = new Map<string, { readonly wanted: Wanted; readonly answer: object }>();
  #beginning: Promise<void> | undefined;
  /** Ends the reading of the thread's events. */
  #following: AbortController | undefined;
  /** The commands that are not answered yet. A run may wait for its thread, so they do not wait for each other. */
  #waiting = 0;

  constructor(options: ProtocolConnectionOptions) {
    this.#options = options;
    const { peer, visitor, close } = options;
    this.visitor = visitor;
    // The protocol has no command that renews a sign-in: the client reconnects with a newer token.
    new SignIn({
      visitor,
      admit: () => Promise.reject(new SluiceError("unauthorized")),
      expiring: () => {},
      over: () => close("unauthorized"),
      closed: peer.closed,
    });
    peer.closed.addEventListener("abort", () => this.#following?.abort(), { once: true });
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  async receive(text: string): Promise<void> {
    let id: number | null = null;
    try {
      const value = commandIn(text);
      this.#options.checkNodes(value);
      if (isRecord(value) && typeof value.id === "number") id = value.id;
      if (this.#waiting >= MAX_WAITING_COMMANDS) throw new SluiceError("overloaded");
      await this.#carryOut(parseProtocolCommand(value, "command"));
    } catch (thrown) {
      const error = SluiceError.from(thrown);
      this.#answer(failure(id, error));
      if (error !== thrown) throw thrown;
    }
  }

  async #carryOut(command: ProtocolCommand): Promise<void> {
    this.#waiting += 1;
    try {
      await this.#do(command);
    } finally {
      this.#waiting -= 1;
    }
  }

  async #do(command: ProtocolCommand): Promise<void> {
    const { visitor, threadId } = this.#options;
    switch (command.method) {
      case "subscription.subscribe":
        return this.#subscribe(command);
      case "subscription.unsubscribe":
        return this.#unsubscribe(command);
      default:
        this.#answer(success(command, await perform(visitor, threadId, command)));
    }
  }

  async #subscribe(command: ProtocolCommand): Promise<void> {
    const wanted = parseWanted(command.params, "params");
    this.#listeners.needRoom(this.#joining.size);
    const id = randomUUID();
    this.#joining.set(id, { wanted, answer: success(command, { subscription_id: id }) });
    this.#beginning ??= this.#begin().finally(() => {
      this.#joining.clear();
      this.#beginning = undefined;
    });
    await this.#beginning;
  }

  #unsubscribe(command: ProtocolCommand): void {
    const { subscription_id: id } = parseWith(unsubscribe, command.params, "params");
    if (this.#listeners.delete(id)) {
      if (this.#listeners.size === 0) this.#following?.abort();
      this.#answer(success(command, {}));
      return;
    }
    const message = "subscription_id: there is no such subscription on this socket.";
    this.#answer({ ...failure(command.id, new SluiceError("not_found", message)), error: "no_such_subscription" });
  }

  /**
   * Reads the thread again, because new subscriptions want earlier events too. A client passes each event to all of its
   * subscriptions, so one reading serves all of them: with several, a subscription could get the end of a run before
   * its text. The answer to each command comes before its events.
   */
  async #begin(): Promise<void> {
    const { peer, visitor, threadId, close } = this.#options;
    await sleep(GATHER_MS);
    const { thread, from, format } = await eventsOf(visitor, threadId, this.#sending, this.#listeners.reached);
    const following = new AbortController();
    const { signal } = following;
    const reader = { visitor, format, narrowing: parseNarrowing({ protocol: "1.0" }), catchingUp: catchUpAgui, signal };
    const subscription = await Subscription.ofThread(reader, thread, from);
    for (const [id, { wanted, answer }] of this.#joining) {
      this.#listeners.add(id, wanted, from);
      this.#answer(answer);
    }
    this.#following?.abort();
    this.#following = following;
    // The peer may have closed in the meantime.
    if (peer.closed.aborted) following.abort();
    subscription.deliver(peer).catch((thrown: unknown) => close(SluiceError.from(thrown).code));
  }

  #answer(answer: object): void {
    this.#options.peer.answer([JSON.stringify(answer)]);
  }
}

function commandIn(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new SluiceError("bad_request", 'A message must be JSON like {"id": 1, "method": "run.start", "params": {}}.');
  }
}
