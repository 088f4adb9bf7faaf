/** An endpoint for OpenAI's two protocols that answers with a test's exact bytes, and records its requests. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface OpenAIEndpoint {
  readonly baseUrl: string;
  /** The bodies of the requests so far. */
  readonly asked: Record<string, unknown>[];
  /** The answers to the next requests, one list of SSE payloads each. */
  answer(...answers: (readonly object[])[]): void;
  close(): Promise<void>;
}

export async function openaiEndpoint(): Promise<OpenAIEndpoint> {
  const asked: Record<string, unknown>[] = [];
  const waiting: (readonly object[])[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push(JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const payload of waiting.shift() ?? []) response.write(`data: ${JSON.stringify(payload)}\n\n`);
    response.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    asked,
    answer: (...answers) => void waiting.push(...answers),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A Chat Completions answer made of these deltas. The first carries the role, as OpenAI's own do. */
export function completion(deltas: readonly object[], { usage }: { usage?: object } = {}): object[] {
  const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 0, model: "mock" };
  const chunk = (delta: object, finish_reason: string | null) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason }],
  });
  return [
    ...deltas.map((delta, index) => chunk({ ...(index === 0 ? { role: "assistant" } : {}), ...delta }, null)),
    chunk({}, "stop"),
    ...(usage ? [{ ...head, choices: [], usage }] : []),
  ];
}

/** A Responses API answer: a reasoning item with a summary, then a message. Both come in these pieces. */
export function response(summary: readonly string[], text: readonly string[]): object[] {
  const base = { id: "resp_1", object: "response", created_at: 0, model: "mock", output: [] as object[] };
  const reasoning = { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: summary.join("") }] };
  const content = [{ type: "output_text", text: text.join(""), annotations: [] }];
  const message = { id: "msg_1", type: "message", role: "assistant", status: "completed", content };
  const inSummary = { item_id: "rs_1", output_index: 0, summary_index: 0 };
  const inText = { item_id: "msg_1", output_index: 1, content_index: 0 };
  const usage = {
    input_tokens: 4,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 6,
    output_tokens_details: { reasoning_tokens: 3 },
    total_tokens: 10,
  };
  const events = [
    { type: "response.created", response: { ...base, status: "in_progress" } },
    { type: "response.output_item.added", output_index: 0, item: { ...reasoning, summary: [] } },
    { type: "response.reasoning_summary_part.added", ...inSummary, part: { type: "summary_text", text: "" } },
    ...summary.map((delta) => ({ type: "response.reasoning_summary_text.delta", ...inSummary, delta })),
    { type: "response.reasoning_summary_text.done", ...inSummary, text: summary.join("") },
    { type: "response.output_item.done", output_index: 0, item: reasoning },
    { type: "response.output_item.added", output_index: 1, item: { ...message, status: "in_progress", content: [] } },
    { type: "response.content_part.added", ...inText, part: { type: "output_text", text: "", annotations: [] } },
    ...text.map((delta) => ({ type: "response.output_text.delta", ...inText, delta })),
    { type: "response.output_text.done", ...inText, text: text.join("") },
    { type: "response.output_item.done", output_index: 1, item: message },
    { type: "response.completed", response: { ...base, status: "completed", output: [reasoning, message], usage } },
  ];
  return events.map((event, sequence_number) => ({ ...event, sequence_number }));
}
