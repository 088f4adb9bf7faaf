/** Reports one run of a thread to an observer as one legal sequence, even across lost connections. */
import { type BaseEvent, EventType } from "@ag-ui/client";
import type { AguiEvent } from "../protocol/events.ts";
import { ConnectionError } from "./connection-error.ts";
import { OpenSpans } from "./open-spans.ts";
import type { Listener } from "./subscription.ts";

export interface Observer {
  next(event: BaseEvent): void;
  error(error: Error): void;
  complete(): void;
}

export interface ObservedRun {
  /** Absent: the first run that is sent. */
  readonly runId?: string;
  /** Reasoning that the observer holds already, by message id. A snapshot without reasoning leaves it unchanged. */
  readonly reasoning?: ReadonlyMap<string, string>;
  /** The run is over, or its end cannot be known: nothing more is reported. */
  readonly ended: () => void;
}

export class RunObserver implements Listener {
  readonly #observer: Observer;
  readonly #ended: () => void;
  readonly #open = new OpenSpans();
  readonly #known: Map<string, string>;
  #runId: string | undefined;
  /** The server has confirmed the run. From now on, a beginning without the run means that the run is lost. */
  #confirmed = false;
  #started = false;
  /** A beginning is expected, so the next `RUN_STARTED` may be the same run again. */
  #beginning = true;

  constructor(observer: Observer, { runId, reasoning = new Map(), ended }: ObservedRun) {
    this.#observer = observer;
    this.#runId = runId;
    this.#known = new Map(reasoning);
    this.#ended = ended;
  }

  confirm(): void {
    this.#confirmed = true;
  }

  onEvent(event: AguiEvent): void {
    if (event.type === EventType.RUN_STARTED) {
      this.#start(event);
      return;
    }
    if (this.#beginning) return; // Another run's.
    const reported = this.#unknownPart(event);
    if (!reported) return;
    this.#report(reported);
    if (event.type !== EventType.RUN_FINISHED && event.type !== EventType.RUN_ERROR) return;
    this.#ended();
    this.#observer.complete();
  }

  /** Closes all open spans, because they are void. The beginning that follows opens them again. */
  onGap(): void {
    for (const [id, text] of this.#open.reasoning) this.#known.set(id, text);
    for (const event of this.#open.close()) this.#observer.next(event);
    this.#beginning = true;
  }

  /**
   * Ends the run here, as `HttpAgent` ends an aborted run: it resolves, with an error event that shows that it is no
   * answer.
   */
  abort(): void {
    this.#ended();
    this.#observer.next({ type: EventType.RUN_ERROR, message: "The run was aborted.", code: "abort" } as BaseEvent);
    this.#observer.complete();
  }

  onError(error: Error): void {
    this.#ended();
    this.#observer.error(error);
  }

  #start(event: AguiEvent & { type: EventType.RUN_STARTED }): void {
    this.#runId ??= event.runId;
    if (event.runId === this.#runId) {
      if (!this.#started) this.#report(event);
      this.#started = true;
      this.#beginning = false;
    } else if (this.#started || (this.#confirmed && this.#beginning)) {
      this.onError(new ConnectionError("lost", "The server does not know how this run went on.", { retryable: true }));
    }
  }

  /** The event without the reasoning that the observer holds already. */
  #unknownPart(event: AguiEvent): AguiEvent | undefined {
    if (event.type === EventType.MESSAGES_SNAPSHOT && event.messages.some(({ role }) => role === "reasoning")) {
      // This snapshot lists all reasoning of the thread, so the observer drops what it leaves out.
      this.#known.clear();
    }
    if (event.type !== EventType.REASONING_MESSAGE_CONTENT) return event;
    const known = this.#known.get(event.messageId);
    this.#known.delete(event.messageId);
    if (!known || !event.delta.startsWith(known)) return event;
    return event.delta === known ? undefined : { ...event, delta: event.delta.slice(known.length) };
  }

  #report(event: AguiEvent): void {
    this.#open.push(event);
    this.#observer.next(event as BaseEvent);
  }
}
