/** An OpenAI-compatible endpoint with a set pace. It streams on request; otherwise it answers when it is complete. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";

export const TEXT =
  "Rain falls on the hills and gathers in the first small stream, which looks for the lowest ground and takes its neighbours along, grows wide in the valley, grows slow in the plain, and at last gives all it carried to the sea.";
export const WORDS = TEXT.split(/(?<= )/);

/** The timer does not keep the process alive for an answer that is no longer needed. */
const delay = (ms: number) => setTimeout(ms, undefined, { ref: false });

export interface Pace {
  /** Milliseconds before the first word. */
  readonly wait?: number;
  /** Milliseconds between two bursts of words. */
  readonly gap?: number;
  /** Words in a burst. */
  readonly burst?: number;
  /** Sent instead of the text. */
  readonly words?: readonly string[];
  /** Answers every request with this instead. */
  readonly status?: number;
  /** The content type of a stream. */
  readonly type?: string;
  /** Collects a stream, and sends it when it is whole. */
  readonly collects?: boolean;
}

export interface ModelEndpoint {
  readonly baseUrl: string;
  close(): Promise<void>;
}

export async function modelEndpoint(pace: Pace = {}): Promise<ModelEndpoint> {
  const {
    wait = 20,
    gap = 12,
    burst = 1,
    words = WORDS,
    status = 200,
    type = "text/event-stream",
    collects = false,
  } = pace;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    if (status !== 200) {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "Incorrect API key provided.", code: "invalid_api_key" } }));
      return;
    }
    const { stream } = JSON.parse(body) as { stream?: boolean };
    const pauses = Math.ceil(words.length / burst) - 1;
    if (!stream) {
      await delay(wait + pauses * gap);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(completion(words.join(""))));
      return;
    }
    response.writeHead(200, { "content-type": type });
    response.flushHeaders();
    await delay(wait + (collects ? pauses * gap : 0));
    for (const [index, word] of words.entries()) {
      if (!collects && index > 0 && index % burst === 0) await delay(gap);
      response.write(`data: ${JSON.stringify(chunk({ role: "assistant", content: word }, null))}\n\n`);
    }
    response.write(`data: ${JSON.stringify(chunk({}, "stop"))}\n\n`);
    response.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const HEAD = { id: "chatcmpl-1", created: 0, model: "mock" };

function chunk(delta: object, finish_reason: string | null): object {
  return { ...HEAD, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] };
}

function completion(content: string): object {
  const usage = { prompt_tokens: 9, completion_tokens: 40, total_tokens: 49 };
  const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }];
  return { ...HEAD, object: "chat.completion", choices, usage };
}
