/**
 * The limits of one client: of a principal, or of an address for clients that have not signed in. Clients on this
 * machine are counted only if they are signed in. Otherwise all other clients behind a proxy on this machine that the
 * settings do not name would count as one client.
 */
import type { IncomingMessage } from "node:http";
import type { Tally } from "../counts/tally.ts";
import { SluiceError } from "../protocol/errors.ts";
import { hasAtMost } from "../protocol/json-text.ts";
import { addressReader, isThisMachine, networkOf, type TrustedProxies } from "./address.ts";
import type { Memory } from "./memory.ts";
import { ownRates, type Rate, type Rates } from "./rate.ts";
import { Shares, Turns } from "./turns.ts";

/** A larger text of a client takes several requests of its limit a minute, and waits for its turn. */
export const LARGE_BYTES = 65_536;

/** The most large bodies of one client that are read and parsed at once. */
const BODIES_AT_ONCE = 2;

/** The time after which a large body waits no longer. Node gives a request 30 s, also for its body. */
const BODY_PATIENCE_MS = 15_000;

/** The time that a body has for coming in before the next one is read. One that comes slowly costs little at a time. */
const BODY_READING_MS = 1_000;

/**
 * The share of `MAX_REQUESTS_PER_MINUTE` that large bodies have on average: 1 MiB a second with the default. A megabyte
 * keeps the event loop busy for some 20 ms.
 */
const BODY_SHARE = 1 / 3;

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

/** A client, as far as it is known. Without a request and a principal it is the app itself, which is not counted. */
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
  readonly #turns = new Turns();
  readonly #bodies = new Shares(BODIES_AT_ONCE, BODY_PATIENCE_MS);
  readonly #activeRuns = new Map<string, number>();
  readonly #openSockets = new Map<string, number>();
  readonly #subscriptions = new Map<string, number>();

  /**
   * `reached` counts refusals, by the setting. `rates` decides where the counts per minute are kept. `memory` is
   * checked before each run and each WebSocket.
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
    // Counted in this process even with Redis, because a socket's messages must keep their order without waiting for
    // the network.
    this.#messages = rate("MAX_REQUESTS_PER_MINUTE", ownRates);
    this.#handshakes = rate("MAX_HANDSHAKES_PER_MINUTE");
    this.#failedSignIns = rate("MAX_FAILED_SIGN_INS_PER_MINUTE");
  }

  /** Counts a WebSocket that is about to be opened. */
  async handshake(request: IncomingMessage): Promise<void> {
    this.#memory.needRoom();
    await this.#hold(this.#handshakes, this.#keyOf({ request }), "MAX_HANDSHAKES_PER_MINUTE");
    return this.mayTalk({ request });
  }

  /**
   * Refuses a socket to a client that has sent too many messages. If the socket were opened, more of them would be read
   * before it is closed.
   */
  async mayTalk(client: Client): Promise<void> {
    const key = this.#keyOf(client);
    const seconds = key === undefined ? undefined : await this.#messages.ask(key);
    if (seconds !== undefined) throw this.#refusal("MAX_REQUESTS_PER_MINUTE", seconds);
  }

  /** Counts a request over HTTP. */
  request(client: Client): Promise<void> {
    return this.#hold(this.#requests, this.#keyOf(client), "MAX_REQUESTS_PER_MINUTE");
  }

  /** Counts the length of a large body, besides its request. */
  async body(client: Client, bytes: number): Promise<void> {
    if (bytes < LARGE_BYTES) return;
    await this.#hold(this.#requests, this.#keyOf(client), "MAX_REQUESTS_PER_MINUTE", this.#eventsOf(bytes));
  }

  /** Counts a message over a WebSocket, with its length. */
  message(client: Client, bytes: number): Promise<void> {
    return this.#hold(this.#messages, this.#keyOf(client), "MAX_REQUESTS_PER_MINUTE", 1 + this.#eventsOf(bytes));
  }

  /** A single text never takes more than the limit, or it could never be sent. */
  #eventsOf(bytes: number): number {
    return Math.min(Math.floor(bytes / LARGE_BYTES), this.#settings.MAX_REQUESTS_PER_MINUTE - 1);
  }

  /**
   * Waits until a large body of this client may be read and parsed. Call the returned function when it is, with the
   * length: the next one then waits in proportion. Each turn of the event loop reads a part of every such body, and the
   * collector copies what was parsed: many bodies of one client would delay all others.
   */
  async largeBody(client: Client): Promise<(bytes: number) => void> {
    const key = this.#keyOf(client);
    if (key === undefined) return nothing;
    const leave = await this.#bodies.take(key);
    if (!leave) throw this.#refusal("MAX_REQUESTS_PER_MINUTE", Math.ceil(BODY_PATIENCE_MS / 1_000));
    const slow = setTimeout(leave, BODY_READING_MS).unref();
    const bytesPerMs = (this.#settings.MAX_REQUESTS_PER_MINUTE * LARGE_BYTES * BODY_SHARE) / 60_000;
    return (bytes) => {
      clearTimeout(slow);
      setTimeout(leave, (bytes / bytesPerMs) * BODIES_AT_ONCE).unref();
    };
  }

  /** Waits until a large text of this client may be worked on. It takes milliseconds in which nothing else happens. */
  turn(client: Client): Promise<void> {
    return this.#turns.wait(this.#keyOf(client) ?? "");
  }

  /**
   * Refuses a client with too many refused sign-ins, before its credential is checked: it has to wait even if the
   * credential is valid.
   */
  async signIn(request: IncomingMessage): Promise<void> {
    const key = this.#keyOf({ request });
    const seconds = key === undefined ? undefined : await this.#failedSignIns.ask(key);
    if (seconds !== undefined) throw this.#refusal("MAX_FAILED_SIGN_INS_PER_MINUTE", seconds);
  }

  /** Counts a refused credential. */
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

  /** The same for a run that another process has begun: it takes a place, and is never refused. */
  goesOn(client: Client): () => void {
    return count(this.#activeRuns, this.#keyOf(client));
  }

  /** Returns a place for one WebSocket of a client. The place is not taken yet. */
  socketPlace(): SocketPlace {
    return new SocketPlace(
      (client) => this.#keyOf(client),
      (key) => this.#take(this.#openSockets, key, "MAX_CLIENT_SOCKETS"),
    );
  }

  /** Takes a place for following a thread, until the returned function is called. */
  subscription(client: Client): () => void {
    return this.#take(this.#subscriptions, this.#keyOf(client), "MAX_CLIENT_SUBSCRIPTIONS");
  }

  /**
   * Limits the number of messages that come with a run, because each is compared with the thread's messages.
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
   * Limits the number of values in a client's JSON, because every check walks all of them.
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

  async #hold(rate: Rate, key: string | undefined, limit: Limit, events = 1): Promise<void> {
    const seconds = key === undefined ? undefined : await rate.take(key, events);
    if (seconds !== undefined) throw this.#refusal(limit, seconds);
  }

  #take(taken: Map<string, number>, key: string | undefined, limit: Limit): () => void {
    if (key !== undefined && (taken.get(key) ?? 0) >= this.#settings[limit]) throw this.#refusal(limit, 1);
    return count(taken, key);
  }

  #refusal(limit: Limit, retryAfterSeconds: number): SluiceError {
    this.#reached.count(limit);
    const sentence = `Too many requests: ${limit} is ${this.#settings[limit]}. Try again in ${retryAfterSeconds} s.`;
    return new SluiceError("rate_limited", sentence, { details: { retryAfterSeconds } });
  }
}

function nothing(): void {}

/** Counts one more of a client, until the returned function is called. */
function count(taken: Map<string, number>, key: string | undefined): () => void {
  if (key === undefined) return nothing;
  taken.set(key, (taken.get(key) ?? 0) + 1);
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    const left = (taken.get(key) ?? 1) - 1;
    if (left > 0) taken.set(key, left);
    else taken.delete(key);
  };
}

type Key = string | undefined;

/** The place of one WebSocket. It counts for the client's address, and after the sign-in for its principal. */
export class SocketPlace {
  readonly #keyOf: (client: Client) => Key;
  readonly #take: (key: Key) => () => void;
  #taken: { readonly key: Key; readonly release: () => void } | undefined;
  #left = false;

  constructor(keyOf: (client: Client) => Key, take: (key: Key) => () => void) {
    this.#keyOf = keyOf;
    this.#take = take;
  }

  get isTaken(): boolean {
    return this.#taken !== undefined;
  }

  /** Takes a place for this client, and then gives up the current one. */
  take(client: Client): void {
    const key = this.#keyOf(client);
    if (this.#left || (this.#taken && this.#taken.key === key)) return;
    const release = this.#take(key);
    this.#taken?.release();
    this.#taken = { key, release };
  }

  /** Gives the place up, for good. */
  leave(): void {
    this.#left = true;
    this.#taken?.release();
    this.#taken = undefined;
  }
}
