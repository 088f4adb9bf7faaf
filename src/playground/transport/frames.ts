/** The frames format, through the client library that every frontend can use. */
import { signal } from "@preact/signals";
import { type ConnectionState, type Following, type Narrowing, SluiceConnection } from "../../client/connection.ts";
import type { RunAgentInput } from "../../protocol/events.ts";
import { CatchUp, type Position } from "./catch-up.ts";
import { headOf } from "./http.ts";
import type { LineState, Listener, Transport } from "./transport.ts";
import { bytesOf, Wire, WiredSocket } from "./wire.ts";

/** What an event's frame begins with, but for the members that every frame has. */
const POSITION = /"cursor":"([^":]*):(\d+)",(?:"n":(\d+),)?"data":/;

export function framesTransport(base: URL): Transport {
  const state = signal<LineState>({ status: "idle" });
  const wire = new Wire();
  let position: Position | undefined;
  let frame = { entries: 0, bytes: 0, replayed: false };
  let following: Following | undefined;
  let listener: Listener | undefined;
  let narrows = false;
  let thread = "";
  /** Runs that the server has not confirmed yet. */
  const starting = new Set<() => void>();
  const catchUp = new CatchUp(
    (resume) => listener?.onResume(resume),
    () => headOf(base, thread),
  );

  /** Looks at a frame before the library does, for what it has no need to tell. */
  const heard = (text: string) => {
    const head = text.slice(0, 1_300);
    if (head.startsWith('{"v":1,"type":"ack"')) catchUp.open(narrows);
    if (!head.startsWith('{"v":1,"type":"event"')) return;
    const [, epoch = "", offset = "", n = "1"] = POSITION.exec(head) ?? [];
    const bytes = frame.bytes + bytesOf(text);
    if (offset === "") {
      frame = { entries: 0, bytes, replayed: catchUp.heard({}) };
      return;
    }
    const [at, entries] = [Number(offset), Number(n)];
    const arrived = { epoch, offset: at };
    const known = position?.epoch === epoch ? position.offset : undefined;
    const doubled = known !== undefined && at <= known;
    const skipped = known === undefined || doubled || narrows ? 0 : at - entries - known;
    frame = {
      entries,
      bytes,
      replayed: catchUp.heard({
        position: arrived,
        ...(doubled ? { doubled: entries } : { entries, lost: Math.max(0, skipped) }),
      }),
    };
    if (!doubled) position = arrived;
  };

  class Socket extends WiredSocket {
    constructor(url: string, protocol: string) {
      super(wire, url, protocol, heard);
    }
  }

  const connection = new SluiceConnection({
    url: new URL("ws", base),
    WebSocket: Socket,
    backoff: { longestMs: 8_000 },
    onState: (next) => {
      if (next.status === "waiting" && following) catchUp.lost(following.cursor);
      state.value = lineState(next);
    },
  });

  const leave = () => {
    following?.unsubscribe();
    for (const abandon of starting) abandon();
    following = listener = position = undefined;
    catchUp.stop();
  };

  return {
    kind: "frames",
    state,
    follow(threadId: string, { tokens, reasoning, events }: Narrowing, next: Listener) {
      leave();
      listener = next;
      thread = threadId;
      narrows = tokens === false || reasoning === false || events !== undefined;
      next.onBeginning();
      following = connection.subscribe(threadId, {
        tokens,
        reasoning,
        events,
        onEvent: (event, cursor) => {
          next.onEvent({ event, cursor, ...frame, at: performance.now() });
          frame = { ...frame, entries: 0, bytes: 0 };
        },
        onGap: () => {
          position = undefined;
          catchUp.gap();
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
      // Who follows the thread anew meanwhile is told of the run by that.
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
        run.unsubscribe(); // The thread itself stays followed.
      }
    },
    cancel: (_agent, threadId) => connection.cancel(threadId),
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
