/** A minimal client of the `frames` format. It keeps every frame, and sends requests with ids. */
import type { AguiEvent } from "../../../src/protocol/events.ts";
import { SUBPROTOCOL } from "../../../src/protocol/frames.ts";
import { threadTopic } from "../../../src/protocol/ids.ts";
import { connect } from "../../support/ws-client.ts";

/** Any frame from the server, its fields as they came. */
export interface Frame {
  readonly v: 1;
  readonly type: string;
  readonly id?: string;
  readonly topic?: string;
  readonly cursor?: string;
  readonly n?: number;
  readonly data?: AguiEvent;
  readonly runId?: string;
  readonly reason?: string;
  readonly code?: string;
  readonly message?: string;
  readonly retryable?: boolean;
  readonly [field: string]: unknown;
}

export interface FramesClient {
  /** Every frame so far. */
  readonly frames: readonly Frame[];
  send(frame: object | string): void;
  /** Sends a frame with a new id, and resolves with the answer to it. */
  ask(frame: object): Promise<Frame>;
  /** Resolves with all frames so far once one of them, new or old, passes the test. Rejects when the socket closes first. */
  until(test: (frame: Frame) => boolean): Promise<readonly Frame[]>;
  /** The event frames of a thread's topic, so far. */
  sent(threadId: string): (Frame & { readonly data: AguiEvent })[];
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Cuts the connection without a closing handshake. */
  drop(): Promise<void>;
  close(): Promise<void>;
}

export async function openFrames(ws: string, query = ""): Promise<FramesClient> {
  const client = await connect(`${ws}/ws${query}`, {}, [SUBPROTOCOL]);
  const frames: Frame[] = [];
  const parsed = () => {
    for (const text of client.frames.slice(frames.length)) frames.push(JSON.parse(text) as Frame);
    return frames;
  };
  let asked = 0;
  const until: FramesClient["until"] = async (test) => {
    const { length } = await client.until((text) => test(JSON.parse(text) as Frame));
    return parsed().slice(0, length);
  };
  return {
    get frames() {
      return parsed();
    },
    closed: client.closed,
    send: client.send,
    until,
    async ask(frame) {
      asked += 1;
      const id = `ask-${asked}`;
      client.send({ id, ...frame });
      return (await until((answer) => answer.id === id)).find((answer) => answer.id === id) as Frame;
    },
    sent: (threadId) =>
      parsed().filter(
        (frame): frame is Frame & { data: AguiEvent } =>
          frame.type === "event" && frame.topic === threadTopic(threadId) && frame.data !== undefined,
      ),
    async drop() {
      client.socket.terminate();
      await client.closed;
    },
    close: client.close,
  };
}

/** Returns a test for events of these types. */
export function sends(...types: string[]): (frame: Frame) => boolean {
  return ({ data }) => data !== undefined && types.includes(data.type);
}

export const over = sends("RUN_FINISHED", "RUN_ERROR");
