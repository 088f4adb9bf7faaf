/** The sign-in of one socket: its principal, its expiry, and the end of both. */
import { SluiceError } from "../../protocol/errors.ts";
import type { Visitor } from "../../runs/visitor.ts";

/** Milliseconds that a socket may stay without signing in. */
const WAIT_MS = 10_000;

/** Milliseconds before the end that a client is warned. */
const WARNING_MS = 60_000;

/** The longest that a timer of Node's can run. */
const LONGEST_MS = 2 ** 31 - 1;

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
  #timer: NodeJS.Timeout | undefined;
  #warning: NodeJS.Timeout | undefined;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#visitor = options.visitor;
    if (options.visitor) this.#watchExpiry(options.visitor);
    else this.#timer = setTimeout(options.over, WAIT_MS);
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
   * @throws SluiceError `unauthorized` when the token is not valid; what was signed in stays so.
   */
  async renew(token: string): Promise<boolean> {
    const visitor = await this.#options.admit(token);
    if (this.#visitor && this.#visitor.principal.key !== visitor.principal.key) {
      this.#options.over();
      return false;
    }
    this.#visitor = visitor;
    this.#stop();
    if (!this.#options.closed.aborted) this.#watchExpiry(visitor);
    return true;
  }

  #watchExpiry({ principal: { expiresAt } }: Visitor): void {
    if (expiresAt === undefined) return;
    const left = expiresAt - Date.now();
    const { over, expiring } = this.#options;
    if (left > LONGEST_MS) return; // Three weeks and more: no socket is held that long.
    this.#timer = setTimeout(over, left);
    const warn = () => expiring(Math.max(0, Math.ceil((expiresAt - Date.now()) / 1_000)));
    this.#warning = setTimeout(warn, Math.max(0, left - WARNING_MS));
  }

  #stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#warning);
  }
}
