/** A connection for tests, and what it receives. */
import WebSocket from "ws";
import { type Arrival, type ConnectionOptions, type Gap, SluiceConnection } from "../../src/client/connection.ts";
import type { ConnectionError } from "../../src/client/connection-error.ts";
import type { AguiEvent } from "../../src/protocol/events.ts";

/** Options for a connection that reconnects at once. */
export const quick = { WebSocket, openMs: 250, backoff: { firstMs: 1, longestMs: 5 } };

export function connection(ws: string, options: Partial<ConnectionOptions> = {}): SluiceConnection {
  return new SluiceConnection({ url: `${ws}/ws`, ...quick, ...options });
}

/** Records the calls of a listener. */
export class Ear {
  readonly events: AguiEvent[] = [];
  readonly cursors: string[] = [];
  readonly arrivals: Arrival[] = [];
  /** The heads of the log that the server named. */
  readonly heads: (string | undefined)[] = [];
  readonly gaps: Gap[] = [];
  readonly errors: ConnectionError[] = [];
  readonly #waiting = new Set<() => void>();

  /** To be handed to a connection. */
  readonly listener = {
    onEvent: (event: AguiEvent, arrival: Arrival): void => {
      this.events.push(event);
      this.arrivals.push(arrival);
      if (arrival.cursor !== undefined) this.cursors.push(arrival.cursor);
      this.#look();
    },
    onBegin: (head: string | undefined): void => void this.heads.push(head),
    onGap: (gap: Gap): void => {
      this.gaps.push(gap);
      this.#look();
    },
    onError: (error: ConnectionError): void => {
      this.errors.push(error);
      this.#look();
    },
  };

  /** Resolves with all events when the test passes. Rejects with an earlier error. */
  until(test: (ear: this) => boolean): Promise<AguiEvent[]> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (test(this)) resolve([...this.events]);
        else if (this.errors[0]) reject(this.errors[0]);
        else return;
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Resolves with the events of the run when it has ended. */
  get ended(): Promise<AguiEvent[]> {
    return this.until(({ events }) => events.some(({ type }) => type === "RUN_FINISHED" || type === "RUN_ERROR"));
  }

  said(text: string): Promise<AguiEvent[]> {
    return this.until(({ text: all }) => all.includes(text));
  }

  get text(): string {
    return this.events.map((event) => (event.type === "TEXT_MESSAGE_CONTENT" ? event.delta : "")).join("");
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** Returns `count` different tokens. */
export function words(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `word-${index} `);
}
