/** A client that follows a thread over frames, reconnects after each cut, and keeps its events. */
import { WebSocket } from "ws";
import { SluiceConnection, type WebSocketConstructor } from "../../src/client/connection.ts";
import { type AguiEvent, isTerminal, type Message } from "../../src/protocol/events.ts";
import { Transcript } from "../../src/store/transcript.ts";

export interface Follower {
  /** The messages that result from its events. */
  readonly messages: Message[];
  readonly gaps: number;
  /** Every cursor received with an event, in order. */
  readonly cursors: readonly string[];
  readonly events: readonly AguiEvent[];
  /** Resolves with the first event, old or new, that passes the test. */
  until(test: (event: AguiEvent) => boolean): Promise<AguiEvent>;
  close(): void;
}

/** Follows a thread. With `after` it continues from a cursor; without it, it begins with the thread's state. */
export function followThread(url: string, threadId: string, after?: string): Follower {
  const connection = new SluiceConnection({
    url: `${url.replace("http", "ws")}/ws`,
    WebSocket: WebSocket as unknown as WebSocketConstructor,
  });
  const transcript = new Transcript([]);
  const events: AguiEvent[] = [];
  const cursors: string[] = [];
  const looks = new Set<() => void>();
  let gaps = 0;
  connection.subscribe(threadId, {
    ...(after === undefined ? {} : { after }),
    onEvent: (event, { cursor }) => {
      events.push(event);
      if (cursor !== undefined) cursors.push(cursor);
      transcript.push(event);
      for (const look of looks) look();
    },
    onGap: () => {
      gaps += 1;
    },
    onError: (error) => {
      if (error.code !== "closed") throw error;
    },
  });
  return {
    events,
    cursors,
    get messages() {
      return transcript.messages;
    },
    get gaps() {
      return gaps;
    },
    until(test) {
      return new Promise((resolve) => {
        const look = () => {
          const found = events.find(test);
          if (!found) return;
          looks.delete(look);
          resolve(found);
        };
        looks.add(look);
        look();
      });
    },
    close: () => connection.close(),
  };
}

/** Returns a test for the end of this run, which may follow a gap. */
export function endOf(runId: string): (event: AguiEvent) => boolean {
  let open: string | undefined;
  return (event) => {
    if (event.type === "RUN_STARTED") open = event.runId;
    return isTerminal(event.type) && open === runId;
  };
}
