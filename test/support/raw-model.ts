/** An OpenAI-compatible endpoint that a test controls. It detects when its client disconnects. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request to the endpoint. There is no answer, not even headers, until the test sends something. */
export interface ModelCall {
  /** Sends a token. */
  say(text: string): void;
  /** Ends the answer as a model does. */
  finish(): void;
  /** Ends the answer in the middle: the connection closes normally, but without a finish reason. */
  cut(): void;
  /** Resolves at the end of the request. */
  readonly closed: Promise<"finished" | "hung up">;
}

export interface RawModel {
  readonly baseUrl: string;
  /** The number of requests so far. */
  readonly count: number;
  /** The next request that no test has taken yet. */
  call(): Promise<ModelCall>;
  close(): Promise<void>;
}

export async function rawModel(): Promise<RawModel> {
  const unclaimed: ModelCall[] = [];
  const claims: ((call: ModelCall) => void)[] = [];
  let count = 0;
  const server = createServer((request, response) => {
    request.resume();
    count += 1;
    const call = modelCall(response, `chatcmpl-raw-${count}`);
    const claim = claims.shift();
    if (claim) claim(call);
    else unclaimed.push(call);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    get count() {
      return count;
    },
    call() {
      const call = unclaimed.shift();
      return call ? Promise.resolve(call) : new Promise((resolve) => claims.push(resolve));
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** `id`: the id of the answer. Two messages with the same id are one message to a graph. */
function modelCall(response: ServerResponse, id: string): ModelCall {
  const send = (delta: object, finish_reason: string | null) => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
    const choices = [{ index: 0, delta, finish_reason }];
    const chunk = { id, object: "chat.completion.chunk", created: 0, model: "raw", choices };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  return {
    say: (content) => send({ role: "assistant", content }, null),
    finish() {
      send({}, "stop");
      response.end("data: [DONE]\n\n");
    },
    cut: () => response.end(),
    closed: new Promise((resolve) => {
      response.once("close", () => resolve(response.writableFinished ? "finished" : "hung up"));
    }),
  };
}
