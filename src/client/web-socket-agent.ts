/**
 * Sluice over a WebSocket, for all code that takes an AG-UI agent. It replaces `HttpAgent`, and reconnects
 * automatically.
 */
import { AbstractAgent, type AgentConfig, type RunAgentInput } from "@ag-ui/client";
import { Observable } from "rxjs";
import { type ConnectionOptions, type Following, type RunOptions, SluiceConnection } from "./connection.ts";
import { type ObservedRun, RunObserver } from "./run-observer.ts";
import type { Listener, Narrowing } from "./subscription.ts";

/** A run that cannot be reached is given up after this many attempts in a row: within half a minute. */
const ATTEMPTS = 8;

/** The options of a `WebSocketAgent`: those of an AG-UI agent, and those of its connection. */
export interface WebSocketAgentConfig extends AgentConfig, ConnectionOptions, Omit<Narrowing, "protocol"> {
  /** The agent's name. Default: the one in the URL, else the server's first. */
  readonly agent?: string;
  /**
   * A connection to share, so that a run does not open its own socket. It stays open. Default: one connection for each
   * run.
   */
  readonly connection?: SluiceConnection;
}

interface ActiveRun {
  readonly connection: SluiceConnection;
  readonly observer: RunObserver;
  /** Cancels the run, once the server knows of it. */
  cancel(): Promise<void> | undefined;
}

/** An AG-UI agent over a WebSocket with frames. It replaces `HttpAgent`, and continues after a lost connection. */
export class WebSocketAgent extends AbstractAgent {
  // No private names: clones are made without their constructor, and have none.
  protected config: WebSocketAgentConfig;
  protected active: ActiveRun | undefined;
  /** The run that is being prepared must not begin. */
  protected aborted: boolean | undefined;

  constructor(config: WebSocketAgentConfig) {
    super(config);
    this.config = config;
  }

  /** Starts a run, as `HttpAgent` does. It resolves when the run has ended. */
  override runAgent(...parameters: Parameters<AbstractAgent["runAgent"]>) {
    this.aborted = false;
    return super.runAgent(...parameters);
  }

  /** Reads the present state of the thread, and its active run to the end. It starts no run. */
  override connectAgent(...parameters: Parameters<AbstractAgent["connectAgent"]>) {
    this.aborted = false;
    return super.connectAgent(...parameters);
  }

  /** The run's events. A lost socket goes unnoticed; an error means that the run's end cannot be known. */
  run(input: RunAgentInput): ReturnType<AbstractAgent["run"]> {
    return this.observe(input, { runId: input.runId }, (connection, options) => connection.run(input, options));
  }

  /** The present state of the thread, and its events until its run ends. It starts no run. */
  protected override connect(input: RunAgentInput): ReturnType<AbstractAgent["run"]> {
    const reasoning = new Map<string, string>();
    for (const message of this.messages) if (message.role === "reasoning") reasoning.set(message.id, message.content);
    return this.observe(input, { reasoning }, (connection, options) => connection.subscribe(input.threadId, options));
  }

  /** Cancels the run on the server, which sends its end. Without a connection the run ends here. */
  override abortRun(): void {
    if (!this.active) {
      this.aborted = this.isRunning;
      return;
    }
    const { connection, observer, cancel } = this.active;
    // A run that has just ended needs no cancelling.
    if (connection.state.status === "open") cancel()?.catch(() => {});
    else observer.abort();
  }

  /** Another agent with the same messages, state and options. */
  override clone(): WebSocketAgent {
    const clone = super.clone() as WebSocketAgent;
    clone.config = this.config;
    return clone;
  }

  /** Follows a run or a thread through a connection of its own, or the shared one. */
  protected observe(
    { threadId, protocolVersion: protocol = "0.0" }: RunAgentInput,
    run: Omit<ObservedRun, "ended">,
    follow: (connection: SluiceConnection, options: RunOptions & Listener) => Following,
  ): ReturnType<AbstractAgent["run"]> {
    const { agent, events, tokens, reasoning, connection: shared } = this.config;
    const { url, WebSocket, openMs, onState, backoff } = this.config;
    return new Observable((subscriber) => {
      const connection =
        shared ??
        new SluiceConnection({ url, WebSocket, openMs, onState, backoff: { attempts: ATTEMPTS, ...backoff } });
      let following: Following | undefined;
      const ended = () => {
        if (this.active?.observer === observer) this.active = undefined;
        following?.unsubscribe();
        if (!shared) connection.close();
      };
      const observer = new RunObserver(subscriber, { ...run, ended });
      if (this.aborted) {
        this.aborted = false;
        observer.abort();
        return;
      }
      // Until this run is confirmed, another run may be active on the thread.
      const cancel = () => following?.confirmed.then(() => connection.cancel(threadId));
      this.active = { connection, observer, cancel };
      following = follow(connection, {
        agent,
        events,
        tokens,
        reasoning,
        protocol,
        onEvent: (event) => observer.onEvent(event),
        onGap: () => observer.onGap(),
        onError: (error) => observer.onError(error),
      });
      following.confirmed.then(
        () => observer.confirm(),
        () => {}, // Reported through onError.
      );
      return ended;
    });
  }
}
