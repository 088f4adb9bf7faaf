/**
 * The limits of one client: of a principal, or of an address for clients that have not signed in. Clients on this machine
 * are not counted, unless they are signed in: a proxy there that nobody named stands for all clients together.
 */
import type { IncomingMessage } from "node:http";
import type { Tally } from "../counts/tally.ts";
import { SluiceError } from "../protocol/errors.ts";
import { hasAtMost } from "../protocol/json-text.ts";
import { addressReader, isThisMachine, networkOf, type TrustedProxies } from "./address.ts";
import type { Memory } from "./memory.ts";
import { ownRates, type Rate, type Rates } from "./rate.ts";

/** The settings of the same names. */
export interface LimitSettings {
  readonly TRUST_PROXY: TrustedProxies | undefined;
  readonly MAX_RUNS_PER_MINUTE: number;
  readonly MAX_CLIENT_RUNS: number;
  readonly MAX_CLIENT_SOCKETS: number;
  readonly MAX_CLIENT_SUBSCRIPTIONS: number;
  readonly MAX_REQUESTS_PER_MINUTE: number;
  readonly MAX_HANDSHAKES_PER_MINUTE: number;
  readonly MAX_FAILED_SIGN_INS_PER_MINUTE: number;
  readonly MAX_INPUT_MESSAGES: number;
  readonly MAX_INPUT_NODES: number;
}

type Limit = Exclude<keyof LimitSettings, "TRUST_PROXY">;

/** A client, as far as it is known. Without either it is the app itself, which is not counted. */
export interface Client {
  readonly request?: IncomingMessage | undefined;
  readonly principal?: string | undefined;
}

export class Limits {
  readonly #settings: LimitSettings;
  readonly #reached: Tally;
  readonly #memory: Pick<Memory, "needRoom">;
  readonly #address: (request: IncomingMessage) => string;
  readonly #runs: Rate;
  readonly #requests: Rate;
  readonly #messages: Rate;
  readonly #handshakes: Rate;
  readonly #failedSignIns: Rate;
  readonly #activeRuns = new Map<string, number>();
  readonly #openSockets = new Map<string, number>();
  readonly #subscriptions = new Map<string, number>();

  /**
   * `reached` counts refusals, by the setting. `rates` says where the numbers a minute are kept. `memory` is asked for each
   * run and each WebSocket.
   */
  constructor(
    settings: LimitSettings,
    reached: Tally,
    rates: Rates = ownRates,
    memory: Pick<Memory, "needRoom"> = { needRoom() {} },
  ) {
    this.#settings = settings;
    this.#memory = memory;
    this.#reached = reached;
    this.#address = addressReader(settings.TRUST_PROXY);
    const rate = (limit: Limit, kept = rates) => kept(limit, settings[limit]);
    this.#runs = rate("MAX_RUNS_PER_MINUTE");
    this.#requests = rate("MAX_REQUESTS_PER_MINUTE");
    // Counted here even with Redis: a socket's messages keep their order, and wait for no network.
    this.#messages = rate("MAX_REQUESTS_PER_MINUTE", ownRates);
    this.#handshakes = rate("MAX_HANDSHAKES_PER_MINUTE");
    this.#failedSignIns = rate("MAX_FAILED_SIGN_INS_PER_MINUTE");
  }

  /** A WebSocket is about to be opened. */
  async handshake(request: IncomingMessage): Promise<void> {
    this.#memory.needRoom();
    await this.#hold(this.#handshakes, this.#keyOf({ request }), "MAX_HANDSHAKES_PER_MINUTE");
    return this.mayTalk({ request });
  }

  /** A client that has sent too many messages opens no socket: what it floods one with would be read before it is closed. */
  async mayTalk(client: Client): Promise<void> {
    const key = this.#keyOf(client);
    const seconds = key === undefined ? undefined : await this.#messages.ask(key);
    if (seconds !== undefined) throw this.#refusal("MAX_REQUESTS_PER_MINUTE", seconds);
  }

  /** A request over HTTP. */
  request(client: Client): Promise<void> {
    return this.#hold(this.#requests, this.#keyOf(client), "MAX_REQUESTS_PER_MINUTE");
  }

  /** A message over a WebSocket. */
  message(client: Client): Promise<void> {
    return this.#hold(this.#messages, this.#keyOf(client), "MAX_REQUESTS_PER_MINUTE");
  }

  /** Before a credential is looked at: a client that had too many refused has to wait, even with the right one. */
  async signIn(request: IncomingMessage): Promise<void> {
    const key = this.#keyOf({ request });
    const seconds = key === undefined ? undefined : await this.#failedSignIns.ask(key);
    if (seconds !== undefined) throw this.#refusal("MAX_FAILED_SIGN_INS_PER_MINUTE", seconds);
  }

  /** A credential was refused. */
  async signInFailed(request: IncomingMessage): Promise<void> {
    const key = this.#keyOf({ request });
    if (key !== undefined) await this.#failedSignIns.take(key);
  }

  /** Takes a place for a run, until the returned function is called. */
  async run(client: Client): Promise<() => void> {
    this.#memory.needRoom();
    const key = this.#keyOf(client);
    await this.#hold(this.#runs, key, "MAX_RUNS_PER_MINUTE");
    return this.#take(this.#activeRuns, key, "MAX_CLIENT_RUNS");
  }

  /** A WebSocket's place among those of its client, which is not taken yet. */
  socketPlace(): SocketPlace {
    return new SocketPlace((client) => this.#take(this.#openSockets, this.#keyOf(client), "MAX_CLIENT_SOCKETS"));
  }

  /** Takes a place for following a thread, until the returned function is called. */
  subscription(client: Client): () => void {
    return this.#take(this.#subscriptions, this.#keyOf(client), "MAX_CLIENT_SUBSCRIPTIONS");
  }

  /**
   * Holds the number of messages that a run brings: each is compared with the thread's.
   * @throws SluiceError `payload_too_large`.
   */
  history(messages: number): void {
    const most = this.#settings.MAX_INPUT_MESSAGES;
    if (messages <= most) return;
    this.#reached.count("MAX_INPUT_MESSAGES");
    const sentence = `messages: has ${messages}, MAX_INPUT_MESSAGES is ${most}. Send the new messages only.`;
    throw new SluiceError("payload_too_large", sentence);
  }

  /**
   * Holds the number of values in what a client sends: all that looks at them walks them all.
   * @throws SluiceError `payload_too_large`.
   */
  nodes(value: unknown): void {
    const most = this.#settings.MAX_INPUT_NODES;
    if (hasAtMost(most, value)) return;
    this.#reached.count("MAX_INPUT_NODES");
    throw new SluiceError("payload_too_large", `There are too many values in this JSON. MAX_INPUT_NODES is ${most}.`);
  }

  /** `undefined`: not counted. */
  #keyOf({ request, principal }: Client): string | undefined {
    if (principal !== undefined) return `principal ${principal}`;
    const address = request && this.#address(request);
    return address === undefined || isThisMachine(address) ? undefined : `address ${networkOf(address)}`;
  }

  async #hold(rate: Rate, key: string | undefined, limit: Limit): Promise<void> {
    const seconds = key === undefined ? undefined : await rate.take(key);
    if (seconds !== undefined) throw this.#refusal(limit, seconds);
  }

  #take(taken: Map<string, number>, key: string | undefined, limit: Limit): () => void {
    if (key === undefined) return nothing;
    const before = taken.get(key) ?? 0;
    if (before >= this.#settings[limit]) throw this.#refusal(limit, 1);
    taken.set(key, before + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (taken.get(key) ?? 1) - 1;
      if (left > 0) taken.set(key, left);
      else taken.delete(key);
    };
  }

  #refusal(limit: Limit, retryAfterSeconds: number): SluiceError {
    this.#reached.count(limit);
    const sentence = `Too many requests: ${limit} is ${this.#settings[limit]}. Try again in ${retryAfterSeconds} s.`;
    return new SluiceError("rate_limited", sentence, { details: { retryAfterSeconds } });
  }
}

function nothing(): void {}

/** The place of one WebSocket: among those of its address, and of its principal from when that is known. */
export class SocketPlace {
  readonly #take: (client: Client) => () => void;
  #release = nothing;
  #left = false;

  constructor(take: (client: Client) => () => void) {
    this.#take = take;
  }

  /** Takes a place as this client, in exchange for the one that it has. */
  take(client: Client): void {
    this.#release();
    this.#release = nothing;
    if (!this.#left) this.#release = this.#take(client);
  }

  /** Gives the place up, for good. */
  leave(): void {
    this.#left = true;
    this.#release();
  }
}
