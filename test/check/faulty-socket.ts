/** A WebSocket proxy in front of a correct server, with one fault that a test turns on. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

/** A frame, or a bare event, with the members that the faults look at. */
interface Any {
  readonly [member: string]: unknown;
  readonly type: string;
}

/** The client's frame, or bare input, that a socket sent first. */
type First = Any | undefined;

interface Faulty {
  /** The only requirement that it breaks. */
  readonly breaks: string;
  /** Changes a message from the server: the messages that are sent in its place. */
  readonly sent?: (message: Any, first: First) => readonly Any[];
  /** Changes a message from the client in the same way. */
  readonly asked?: (message: Any) => readonly Any[];
  /** Closes the socket after a message that is not JSON. */
  readonly closesOnNonsense?: true;
  /** Agrees to every subprotocol. */
  readonly agreesToAll?: true;
  /** Keeps binary messages to itself. */
  readonly takesBinary?: true;
  /** Cancels a run when the socket that started it is cut. */
  readonly endsWithSocket?: true;
}

const dataOf = ({ type, data }: Any) => (type === "event" ? (data as Any) : undefined);

/** Changes the AG-UI event in a frame. */
const inFrame =
  (change: (event: Any, first: First) => readonly Any[]): NonNullable<Faulty["sent"]> =>
  (message, first) => {
    const event = dataOf(message);
    return event ? change(event, first).map((data) => ({ ...message, data })) : [message];
  };

const without = (type: string) => (message: Any) => (message.type === type ? [] : [message]);

const cancelledIn = ({ outcome }: Any) => (outcome as { readonly type?: string } | undefined)?.type === "cancelled";

/** Changes the text of a role's messages in snapshots. */
const misremembered = (role: string) =>
  inFrame((event) => {
    if (event.type !== "MESSAGES_SNAPSHOT") return [event];
    const messages = event.messages as readonly { readonly role: string }[];
    return [{ ...event, messages: messages.map((each) => (each.role === role ? { ...each, content: "?" } : each)) }];
  });

const offsetOf = (cursor: unknown) => Number(String(cursor).split(":")[1]);

export const FAULTS = {
  "every subprotocol is agreed to": { breaks: "8.1", agreesToAll: true },
  "hello comes twice": { breaks: "8.2", sent: (frame) => (frame.type === "hello" ? [frame, frame] : [frame]) },
  "a frame without its members": {
    breaks: "8.3",
    sent: (frame) => (frame.type === "hello" ? [frame, { v: 1, type: "draining" }] : [frame]),
  },
  "an ack of another run": {
    breaks: "8.4",
    sent: (frame) => [frame.type === "ack" && frame.id === "run" ? { ...frame, runId: "other" } : frame],
  },
  "positions that are not dense": {
    breaks: "8.5",
    sent: (frame) => [dataOf(frame)?.type === "RUN_FINISHED" ? { ...frame, n: 2 } : frame],
  },
  "nonsense closes the socket": { breaks: "8.6", closesOnNonsense: true },
  "no error for nonsense": {
    breaks: "8.6",
    sent: (frame) => (frame.type === "error" && frame.code === "bad_request" ? [] : [frame]),
  },
  "an event is lost after a cut": {
    breaks: "8.7",
    sent: inFrame((event, first) => {
      const back = first?.type === "subscribe" && offsetOf(first.after) > 0;
      return back && event.type === "TEXT_MESSAGE_END" ? [] : [event];
    }),
  },
  "events after unsubscribe": {
    breaks: "8.8",
    sent: (frame) =>
      frame.id === "unsubscribe" ? [frame, { ...frame, type: "event", data: { type: "CUSTOM" } }] : [frame],
  },
  "binary messages are taken": { breaks: "8.9", takesBinary: true },
  "no gap": { breaks: "7.4", sent: without("gap") },
  "a run ends with its socket": { breaks: "7.5", endsWithSocket: true },
  "a cancelled run succeeds": {
    breaks: "9.1",
    sent: inFrame((event) => [cancelledIn(event) ? { ...event, outcome: { type: "success" } } : event]),
  },
  "nothing is cancelled": {
    breaks: "9.2",
    sent: (frame) => [frame.type === "error" && frame.code === "not_found" ? { ...frame, type: "ack" } : frame],
  },
  "a watcher is sent other text": {
    breaks: "10.1",
    sent: inFrame((event, first) => {
      const watches = first?.type === "subscribe" && offsetOf(first.after) === 0;
      return [watches && event.type === "TEXT_MESSAGE_CONTENT" ? { ...event, delta: "?" } : event];
    }),
  },
  "a late reader finds no beginning": {
    breaks: "10.2",
    sent: inFrame((event, first) => {
      const late = first?.type === "subscribe" && first.after === undefined;
      return late && event.type === "RUN_STARTED" ? [] : [event];
    }),
  },
  "an answer is kept as another": { breaks: "4.2", sent: misremembered("assistant") },
  "a question is kept as another": { breaks: "4.3", sent: misremembered("user") },
  "no pong": { breaks: "11.1", sent: without("pong") },
  "no heartbeat": { breaks: "11.2", sent: without("heartbeat") },
  "bare events out of order": {
    breaks: "13.1",
    sent: (event) => (event.type === "TEXT_MESSAGE_START" ? [event, event] : [event]),
  },
  "a bare run that fails when it is cancelled": {
    breaks: "13.2",
    sent: (event) => [cancelledIn(event) ? { type: "RUN_ERROR", message: "It was cancelled." } : event],
  },
  "a bare run that cannot be cancelled": {
    breaks: "13.2",
    asked: (message) => (message.type === "cancel" && !("id" in message) ? [] : [message]),
  },
} as const satisfies Record<string, Faulty>;

export type Fault = keyof typeof FAULTS;

/** Serves until `close` is called. Without a fault it changes nothing. */
export async function faultySocket(target: string, fault?: Fault): Promise<{ url: string; close(): void }> {
  const faulty: Faulty = fault ? FAULTS[fault] : { breaks: "" };
  const server = createServer();
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  server.on("upgrade", (request: IncomingMessage, socket, head) => {
    const asked = request.headers["sec-websocket-protocol"];
    const protocol = faulty.agreesToAll && asked ? "sluice.v1" : asked;
    const upstream = new WebSocket(target, protocol ? [protocol] : []);
    upstream.once("unexpected-response", (_, { statusCode }) => socket.end(`HTTP/1.1 ${statusCode} No\r\n\r\n`));
    upstream.once("error", () => socket.destroy());
    upstream.once("upgrade", () =>
      sockets.handleUpgrade(request, socket, head, (client) => joined(client, upstream, faulty)),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const client of sockets.clients) client.terminate();
      server.close();
    },
  };
}

function joined(client: WebSocket, upstream: WebSocket, faulty: Faulty): void {
  const { sent = (message) => [message], asked = (message) => [message] } = faulty;
  let first: First;
  client.on("message", (data, isBinary) => {
    if (isBinary) {
      if (!faulty.takesBinary) upstream.send(data);
      return;
    }
    const message = parsed(String(data));
    if (!message) {
      if (faulty.closesOnNonsense) client.close(4400);
      else upstream.send(String(data));
      return;
    }
    first ??= message;
    for (const each of asked(message)) upstream.send(JSON.stringify(each));
  });
  upstream.on("message", (data) => {
    const message = parsed(String(data)) as Any;
    for (const each of sent(message, first)) client.send(JSON.stringify(each));
  });
  client.on("close", () => {
    const input = first?.type === "run" ? (first.input as { readonly threadId: string }) : undefined;
    if (faulty.endsWithSocket && input) upstream.send(JSON.stringify({ type: "cancel", threadId: input.threadId }));
    upstream.close();
  });
  upstream.on("close", (code) => client.close(code === 1005 || code === 1006 ? 1000 : code));
  upstream.on("error", () => client.terminate());
}

function parsed(text: string): Any | undefined {
  try {
    return JSON.parse(text) as Any;
  } catch {
    return undefined;
  }
}
