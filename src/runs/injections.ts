/**
 * Messages that clients send into one run while it is active. Each is kept before it is reported, so that a process
 * that takes the run over knows it. The graph takes them when it comes to a place where it can.
 */
import { isDeepStrictEqual } from "node:util";
import { SluiceError } from "../protocol/errors.ts";
import type { AguiEvent, Message } from "../protocol/events.ts";
import {
  type InjectedMessage,
  type KeptState,
  MAX_INJECTED,
  MAX_INJECTED_WAITING,
  reportOf,
  toInjected,
} from "../protocol/injected.ts";
import { wellFormed } from "../protocol/text.ts";
import type { InjectedMessages } from "../store/injected.ts";
import type { Claim } from "../store/store.ts";
import type { Translator } from "../translate/translator.ts";
import { KeyedLock } from "./keyed-lock.ts";
import type { RunPlan } from "./run-plan.ts";

export interface InjectionsOptions {
  readonly plan: RunPlan;
  readonly kept: InjectedMessages;
  /** May clients send messages for this run to other processes? */
  readonly shared: boolean;
  readonly translator: Pick<Translator, "expect" | "taken">;
  readonly send: (events: readonly AguiEvent[]) => void;
}

export class Injections {
  readonly #options: InjectionsOptions;
  /** The messages that wait, by id. */
  readonly #waiting = new Map<string, InjectedMessage>();
  readonly #taken = new Map<string, InjectedMessage>();
  /** The states of a message are reported in their order, no matter how long the store needs for each. */
  readonly #turns = new KeyedLock();
  #closed = false;

  constructor(options: InjectionsOptions) {
    this.#options = options;
    const { plan, translator } = options;
    for (const message of plan.handedOver?.waiting ?? []) {
      translator.expect(message.id);
      this.#waiting.set(message.id, message);
    }
  }

  /**
   * Keeps a message until the graph takes it. The same message again changes nothing.
   * @throws SluiceError `not_found` when the run is over, `bad_request`, `overloaded`, `payload_too_large`.
   */
  add(message: Message): Promise<KeptState> {
    return this.#turns.hold("", async () => {
      if (this.#isOfThread(message)) return { messageId: message.id, state: "taken" };
      const sent = toInjected(message);
      const known = this.#stateOf(sent);
      if (known) return known;
      if (this.#closed) throw new SluiceError("not_found", NOTHING_RUNS);
      if (this.#waiting.size >= MAX_INJECTED_WAITING) throw new SluiceError("overloaded", TOO_MANY_WAIT);
      if (this.#waiting.size + this.#taken.size >= MAX_INJECTED) throw new SluiceError("overloaded", TOO_MANY);
      const { plan, kept, translator } = this.#options;
      if (!translator.expect(sent.id)) throw new SluiceError("bad_request", ID_IS_TAKEN);
      if (!(await kept.add(plan, sent))) throw new SluiceError("not_found", NOTHING_RUNS);
      this.#wait(sent);
      return { messageId: sent.id, state: "waiting" };
    });
  }

  /** Gives the waiting messages to the graph. */
  readonly take = (): Promise<readonly InjectedMessage[]> =>
    this.#turns.hold("", async () => {
      if (this.#closed) return [];
      if (this.#options.shared) await this.#recall();
      if (this.#waiting.size === 0) return [];
      const { plan, kept, translator, send } = this.#options;
      const taken = await kept.take(plan);
      // The graph is ahead of its events. The events of earlier steps have to be sent first.
      await endOfTurn();
      for (const message of taken) {
        const { id: messageId } = message;
        this.#waiting.delete(messageId);
        this.#taken.set(messageId, message);
        send([...translator.taken(message), reportOf({ messageId, state: "taken" })]);
      }
      return taken;
    });

  /** The run leaves this process: nothing more is taken or kept here. Gives the messages that wait. */
  leave(): Promise<readonly InjectedMessage[]> {
    return this.#turns.hold("", async () => {
      this.#closed = true;
      return [...this.#waiting.values()];
    });
  }

  /** Reads messages for this run that other processes received, now or before this process took the run over. */
  recall(): Promise<void> {
    return this.#turns.hold("", async () => {
      if (!this.#closed) await this.#recall();
    });
  }

  /** The run is about to end: nothing more is taken. Gives the reports of the messages that are returned. */
  close(): Promise<AguiEvent[]> {
    return this.#turns.hold("", async () => {
      // A store that is away does not change how the run ended. Other processes can keep no message in it either.
      if (this.#options.shared) await this.#recall().catch(unlessAway);
      this.#closed = true;
      const returned = [...this.#waiting.values()];
      this.#waiting.clear();
      return returned.map(({ id, content }) => reportOf({ messageId: id, state: "returned", content }));
    });
  }

  async #recall(): Promise<void> {
    const { plan, kept, translator } = this.#options;
    for (const { message, taken } of await kept.of(plan)) {
      if (this.#waiting.has(message.id) || this.#taken.has(message.id)) continue;
      if (taken) {
        this.#taken.set(message.id, message);
      } else {
        translator.expect(message.id);
        this.#wait(message);
      }
    }
  }

  #wait(message: InjectedMessage): void {
    const { id: messageId, content } = message;
    this.#waiting.set(messageId, message);
    this.#options.send([reportOf({ messageId, state: "waiting", content })]);
  }

  /** Was this message in the thread before? */
  #isOfThread(message: Message): boolean {
    const { history, fresh } = this.#options.plan;
    return [...history, ...fresh].some((known) => known.id === message.id && isSame(known, message));
  }

  #stateOf(sent: InjectedMessage): KeptState | undefined {
    const { id: messageId } = sent;
    const waiting = this.#waiting.get(messageId);
    const known = waiting ?? this.#taken.get(messageId);
    if (!known) return undefined;
    if (known.content !== sent.content) throw new SluiceError("bad_request", ID_IS_TAKEN);
    return { messageId, state: waiting ? "waiting" : "taken" };
  }
}

function unlessAway(error: unknown): void {
  if (SluiceError.from(error).code !== "storage_unavailable") throw error;
}

/**
 * Keeps a message for a run that another process drives. That process learns of it at once, or when the graph takes
 * messages. `said`: the thread's messages.
 * @throws SluiceError what `Injections.add` throws.
 */
export async function injectElsewhere(
  kept: InjectedMessages,
  run: Claim,
  said: readonly Message[],
  message: Message,
): Promise<KeptState> {
  const messageId = message.id;
  if (said.some((known) => known.id === messageId && isSame(known, message))) return { messageId, state: "taken" };
  const sent = toInjected(message);
  const all = await kept.of(run);
  const known = all.find((one) => one.message.id === messageId);
  if (known && known.message.content === sent.content) return { messageId, state: known.taken ? "taken" : "waiting" };
  if (known || said.some(({ id }) => id === messageId)) throw new SluiceError("bad_request", ID_IS_TAKEN);
  if (all.filter(({ taken }) => !taken).length >= MAX_INJECTED_WAITING) {
    throw new SluiceError("overloaded", TOO_MANY_WAIT);
  }
  if (all.length >= MAX_INJECTED) throw new SluiceError("overloaded", TOO_MANY);
  if (!(await kept.add(run, sent))) throw new SluiceError("not_found", NOTHING_RUNS);
  return { messageId, state: "waiting" };
}

/** Is this the same message, sent again? */
export function isSame(known: Message, message: Message): boolean {
  return known.role === message.role && isDeepStrictEqual(known.content, wellFormed(message.content));
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export const NOTHING_RUNS = "There is no active run that could take this message. Start a run with it.";

const ID_IS_TAKEN = "message.id: another message of this thread has this id.";

const TOO_MANY_WAIT = `${MAX_INJECTED_WAITING} messages wait for this run. Wait until it has taken them.`;

const TOO_MANY = `This run has received ${MAX_INJECTED} messages, and takes no more. Start another run.`;
