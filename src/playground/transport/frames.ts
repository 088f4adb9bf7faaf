/** The frames transport, built on the client library. */
import { signal } from "@preact/signals";
import { type ConnectionState, type Following, type Narrowing, SluiceConnection } from "../../client/connection.ts";
import type { RunAgentInput } from "../../protocol/events.ts";
import { nextToken, token } from "./credentials.ts";
import { distance, ResumeCount } from "./resume-count.ts";
import type { LineState, ThreadListener, Transport } from "./transport.ts";
import { Wire, WiredSocket } from "./wire.ts";

/** Opens a line over frames. `ticket`: gets a ticket for each socket of a page that is not signed in. */
export function framesTransport(base: URL, ticket?: () => Promise<string>): Transport {
  const signedIn = token.peek();
  const state = signal<LineState>({ status: "idle" });
  const wire = new Wire();
  /** The last cursor received. */
  let position: string | undefined;
  let following: Following | undefined;
  let listener: ThreadListener | undefined;
  /** Runs that the server has not confirmed yet. */
  const starting = new Set<() => void>();
  const count = new ResumeCount((resume) => listener?.onResume(resume));

  class Socket extends WiredSocket {
    constructor(url: string, protocol: string) {
      super(wire, ticket ? ticket().then((one) => `${url}?ticket=${one}`) : url, protocol);
    }
  }

  const connection = new SluiceConnection({
    url: new URL("ws", base),
    WebSocket: Socket,
    backoff: { longestMs: 8_000 },
    ...(signedIn !== undefined && { token: (soon: boolean) => (soon ? nextToken() : (token.peek() ?? signedIn)) }),
    onState: (next) => {
      if (next.status === "waiting" && following) count.lost(following.cursor);
      state.value = lineState(next);
    },
  });

  const leave = () => {
    following?.unsubscribe();
    for (const abandon of starting) abandon();
    following = listener = position = undefined;
    count.stop();
  };

  return {
    kind: "frames",
    state,
    follow(threadId: string, { tokens, reasoning, events }: Narrowing, next: ThreadListener) {
      leave();
      listener = next;
      const narrows = tokens === false || reasoning === false || events !== undefined;
      next.onBeginning();
      following = connection.subscribe(threadId, {
        tokens,
        reasoning,
        events,
        onBegin: (head) => count.open(head),
        onEvent: (event, { cursor, entries, bytes }) => {
          const ahead = narrows ? undefined : distance(position, cursor);
          // The library skips known events and reloads the thread after a hole. These counts would show that it failed
          // to.
          const doubled = ahead !== undefined && ahead <= 0 ? entries : 0;
          const lost = ahead === undefined ? 0 : Math.max(0, ahead - entries);
          const replayed = count.heard({ cursor, entries: entries - doubled, lost, doubled });
          position = cursor ?? position;
          next.onEvent({ event, cursor, entries, bytes, replayed, at: performance.now() });
        },
        onGap: () => {
          position = undefined;
          count.gap();
          next.onBeginning(true);
        },
        onError: (error) => next.onError(error),
      });
      return () => {
        if (listener === next) leave();
      };
    },
    async run(agent: string, input: RunAgentInput) {
      const run = connection.run(input, { agent });
      let abandon = () => {};
      // If the page follows the thread again in the meantime, the new subscription reports the run.
      const abandoned = new Promise<void>((resolve) => {
        abandon = () => {
          run.unsubscribe();
          resolve();
        };
      });
      starting.add(abandon);
      try {
        await Promise.race([run.confirmed, abandoned]);
      } finally {
        starting.delete(abandon);
        run.unsubscribe(); // The subscription of `follow` stays.
      }
    },
    cancel: (_agent, threadId) => connection.cancel(threadId),
    inject: (_agent, threadId, message) => connection.inject(threadId, message),
    refused: (threadId) => connection.stats(threadId),
    get down() {
      return wire.down;
    },
    cut: () => wire.cut(),
    retryNow() {
      wire.mend();
      connection.retryNow();
    },
    close() {
      leave();
      connection.close();
    },
  };
}

function lineState(state: ConnectionState): LineState {
  switch (state.status) {
    case "waiting":
      return { status: "waiting", retryAt: state.retryAt, error: state.error };
    case "closed":
      return state.error ? { status: "closed", error: state.error } : { status: "closed" };
    default:
      return { status: state.status };
  }
}
