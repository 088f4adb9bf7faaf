/** The door checks the credentials of requests and sockets. It makes a visitor for each one that it admits. */
import type { IncomingMessage } from "node:http";
import { SluiceError } from "../protocol/errors.ts";
import { needUnexpired, type Principal, principalKey } from "../runs/principal.ts";
import type { Visitor } from "../runs/visitor.ts";
import type { Tickets } from "../store/tickets.ts";
import type { Authenticator } from "./auth/authenticator.ts";
import { digest, newSecret } from "./auth/secrets.ts";
import type { Housing } from "./server-options.ts";

/** The lifetime of a ticket in milliseconds. */
export const TICKET_MS = 30_000;

export interface IssuedTicket {
  readonly ticket: string;
  readonly expiresInSeconds: number;
}

export class Door {
  readonly #authenticator: Authenticator;
  readonly #tickets: Tickets;
  readonly #sharedThread: Housing["sharedThread"];
  readonly #visitor: Housing["visitor"];
  readonly #counts: Housing["counts"];
  readonly #limits: Housing["limits"];
  readonly #inside = new WeakMap<IncomingMessage, Visitor>();

  constructor({ authenticator, tickets, sharedThread, visitor, counts, limits }: Housing) {
    this.#sharedThread = sharedThread;
    this.#authenticator = authenticator;
    this.#tickets = tickets;
    this.#visitor = visitor;
    this.#counts = counts;
    this.#limits = limits;
  }

  /**
   * Admits a request. It is called once for each request, before anything else is done for it.
   * @throws SluiceError `unauthorized`.
   */
  async admit(request: IncomingMessage): Promise<Visitor> {
    const visitor = await this.#visit(() => this.#authenticator.ofRequest(request), request);
    this.#inside.set(request, visitor);
    return visitor;
  }

  /** The visitor that `admit` returned for this request. */
  visitorOf(request: IncomingMessage): Visitor {
    const visitor = this.#inside.get(request);
    if (!visitor) throw new Error("This request was never admitted.");
    return visitor;
  }

  /**
   * Lets a socket in, by its ticket or by its headers. Returns `undefined` for a socket without credentials that may
   * still sign in with an `auth` frame. `later`: the socket's format has this frame.
   */
  async admitSocket(
    request: IncomingMessage,
    ticket: string | undefined,
    later: boolean,
  ): Promise<Visitor | undefined> {
    if (ticket !== undefined) return this.#visit(() => this.#takeTicket(ticket), request);
    const { authorization, "x-api-key": key } = request.headers;
    if (later && this.#authenticator.later && authorization === undefined && key === undefined) return undefined;
    return this.#visit(() => this.#authenticator.ofRequest(request), request);
  }

  /** Returns the visitor for a token that came over a socket. `request` is the request that opened the socket. */
  async admitToken(token: string, request: IncomingMessage): Promise<Visitor> {
    return this.#visit(() => this.#authenticator.ofToken(token, request), request);
  }

  /** A ticket that opens one WebSocket as the same principal. It expires with the principal's credential at the latest. */
  issueTicket({ principal }: Visitor): Promise<IssuedTicket> {
    return this.#issue(principal);
  }

  /**
   * Issues a ticket to a client that has the secret of a share. The socket that the ticket opens may watch the thread.
   * @throws SluiceError `unauthorized` when there is no such share, or not any more.
   */
  async redeem(secret: string, request: IncomingMessage): Promise<IssuedTicket & { readonly threadId: string }> {
    const { principal } = await this.#visit(() => this.#holderOf(secret), request);
    return { ...(await this.#issue(principal)), threadId: principal.share?.threadId ?? "" };
  }

  async #holderOf(secret: string): Promise<Principal> {
    const shared = await this.#sharedThread(digest(secret));
    if (!shared) throw new SluiceError("unauthorized", "This link is not valid. It may have expired or been revoked.");
    const { expiresAt, ...share } = shared;
    return { key: principalKey("share", "", share.id), id: "share", scopes: ["watch"], claims: {}, expiresAt, share };
  }

  async #issue(principal: Principal): Promise<IssuedTicket> {
    needUnexpired(principal);
    const ticket = newSecret();
    const expiresAt = Math.min(Date.now() + TICKET_MS, principal.expiresAt ?? Number.POSITIVE_INFINITY);
    await this.#tickets.keep(digest(ticket), JSON.stringify(principal), expiresAt);
    return { ticket, expiresInSeconds: Math.floor((expiresAt - Date.now()) / 1_000) };
  }

  async #takeTicket(ticket: string): Promise<Principal> {
    const holder = await this.#tickets.take(digest(ticket));
    if (holder === undefined) throw new SluiceError("unauthorized", "This ticket is not valid. Ask for another one.");
    return JSON.parse(holder) as Principal;
  }

  /**
   * Signs a client in. It counts refused sign-ins and limits them, whether the client comes with a request, a socket, a
   * ticket or a share.
   */
  async #visit(signIn: () => Promise<Principal>, request: IncomingMessage): Promise<Visitor> {
    await this.#limits.signIn(request);
    try {
      return this.#visitor(await signIn(), request);
    } catch (error) {
      if (SluiceError.is(error) && error.code === "unauthorized") {
        this.#counts.authFailures += 1;
        await this.#limits.signInFailed(request);
      }
      throw error;
    }
  }
}
