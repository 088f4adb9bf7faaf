/** The sign-in of one socket: its principal, its expiry, and the end of both. */
import { SluiceError } from "../../protocol/errors.ts";
import type { Visitor } from "../../runs/visitor.ts";
import { watchExpiry } from "./expiry.ts";

/** Milliseconds that a socket may stay without signing in. */
const WAIT_MS = 10_000;

export interface SignInOptions {
  /** `undefined`: the socket has not signed in yet. */
  readonly visitor: Visitor | undefined;
  /** @throws SluiceError `unauthorized`. */
  readonly admit: (token: string) => Promise<Visitor>;
  /** The sign-in expires in so many seconds, unless it is renewed. */
  readonly expiring: (seconds: number) => void;
  /** The socket has to close: nobody signed in, the sign-in has expired, or somebody else signed in. */
  readonly over: () => void;
  /** Aborts when the socket is closed. */
  readonly closed: AbortSignal;
}

export class SignIn {
  readonly #options: SignInOptions;
  #visitor: Visitor | undefined;
  /** Stops the timers for the sign-in, or for its expiry. */
  #stop: () => void;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#visitor = options.visitor;
    if (options.visitor) this.#stop = watchExpiry(options.visitor.principal, options);
    else {
      const timer = setTimeout(options.over, WAIT_MS);
      this.#stop = () => clearTimeout(timer);
    }
    options.closed.addEventListener("abort", () => this.#stop(), { once: true });
    if (options.closed.aborted) this.#stop();
  }

  /** `undefined` before the socket has signed in. */
  get signedIn(): Visitor | undefined {
    return this.#visitor;
  }

  /** @throws SluiceError `unauthorized` before the socket has signed in. */
  get visitor(): Visitor {
    if (this.#visitor) return this.#visitor;
    throw new SluiceError("unauthorized", "Sign in first, with an auth frame.");
  }

  /**
   * Signs in, or renews the sign-in. `false`: somebody else signed in, and the socket closes.
   * @throws SluiceError `unauthorized` when the token is not valid; the earlier sign-in stays valid.
   */
  async renew(token: string): Promise<boolean> {
    const visitor = await this.#options.admit(token);
    if (this.#visitor && this.#visitor.principal.key !== visitor.principal.key) {
      this.#options.over();
      return false;
    }
    this.#visitor = visitor;
    this.#stop();
    if (!this.#options.closed.aborted) this.#stop = watchExpiry(visitor.principal, this.#options);
    return true;
  }
}
