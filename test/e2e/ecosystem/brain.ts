/** A model on loopback in OpenAI's format. The prompt contains its answers. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ChatOpenAI } from "@langchain/openai";

interface Message {
  readonly role: string;
  readonly content?: string | readonly { readonly text?: string }[] | null;
}

interface Asked {
  readonly stream?: boolean;
  readonly messages: readonly Message[];
  readonly tools?: readonly { readonly function?: { readonly name: string } }[];
  readonly response_format?: { readonly type: string };
}

interface Said {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly args: string }[];
}

export interface Brain {
  model(): ChatOpenAI;
  /** The question of every request. */
  readonly asked: Asked[];
  close(): Promise<void>;
}

/**
 * Answers with the steps in the last message of a person: `look {"q":"a"} & look {"q":"b"} | Bye.` calls a tool twice,
 * then says goodbye. A prompt such as `Say: Hello.` has priority. A step that begins with `break` is cut in the middle
 * the first time. A moderation request is flagged if it contains "flag".
 */
export async function brain(): Promise<Brain> {
  const asked: Asked[] = [];
  const broken = new Set<string>();
  let calls = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const question = JSON.parse(body) as Asked & { input?: string };
    if (request.url?.endsWith("/moderations")) return json(response, moderation(String(question.input)));
    asked.push(question);
    const step = stepOf(question);
    const said = saidIn(step);
    calls += 1;
    if (!question.stream) return json(response, completion(said, question, calls));
    response.writeHead(200, { "content-type": "text/event-stream" });
    const frames = chunks(said, calls);
    if (step.startsWith("break") && !broken.has(step)) {
      broken.add(step);
      response.write(frames[0]);
      response.write(frames[1]);
      return void setImmediate(() => response.destroy());
    }
    for (const frame of frames) response.write(frame);
    response.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    model: () =>
      new ChatOpenAI({
        model: "m",
        apiKey: "none",
        maxRetries: 0,
        useResponsesApi: false,
        configuration: { baseURL: `http://127.0.0.1:${port}/v1` },
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function stepOf({ messages }: Asked): string {
  const prompt = messages[0]?.role === "system" ? textOf(messages[0]) : "";
  if (prompt.startsWith("Say: ")) return prompt.slice("Say: ".length);
  const from = messages.findLastIndex(({ role }) => role === "user");
  const answers = messages.slice(from + 1).filter(({ role }) => role === "assistant").length;
  return textOf(messages[from]).split(" | ")[answers] ?? "Done.";
}

function textOf(message: Message | undefined): string {
  const content = message?.content ?? "";
  return typeof content === "string" ? content : content.map(({ text = "" }) => text).join("");
}

function saidIn(step: string): Said {
  const calls = [...step.matchAll(/(\w+) (\{.*?\})(?: & |$)/gs)].map(([, name = "", args = ""]) => ({ name, args }));
  return calls.length > 0 ? { text: "On it. ", calls } : { text: `Answer: ${step}`, calls: [] };
}

function chunks({ text, calls }: Said, number: number): string[] {
  const deltas = [
    ...(text.match(/.{1,5}/gs) ?? []).map((content) => ({ content })),
    ...calls.flatMap(({ name, args }, index) => {
      const id = `call-${number}-${index}`;
      return [
        { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] },
        ...(args.match(/.{1,7}/gs) ?? []).map((piece) => ({
          tool_calls: [{ index, function: { arguments: piece } }],
        })),
      ];
    }),
  ];
  const about = { id: `chat-${number}`, object: "chat.completion.chunk", created: 1, model: "m" };
  const frame = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({ ...about, choices: [{ index: 0, delta: { role: "assistant", ...delta }, finish_reason }] })}\n\n`;
  return [...deltas.map((delta) => frame(delta, null)), frame({}, calls.length > 0 ? "tool_calls" : "stop")];
}

/**
 * Returns an answer without streaming: a structured answer that selects the tool `look`, or the same answer as the
 * stream.
 */
function completion({ text, calls }: Said, { response_format }: Asked, number: number): object {
  const content = response_format?.type === "json_schema" ? JSON.stringify({ tools: ["look"] }) : text;
  const tool_calls = calls.map(({ name, args }, index) => ({
    id: `call-${number}-${index}`,
    type: "function",
    function: { name, arguments: args },
  }));
  const message = { role: "assistant", content, ...(calls.length > 0 && !response_format ? { tool_calls } : {}) };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  return { id: `chat-${number}`, object: "chat.completion", created: 1, model: "m", choices };
}

function moderation(input: string): object {
  const flagged = input.includes("flag");
  return { id: "mod", model: "m", results: [{ flagged, categories: { violence: flagged }, category_scores: {} }] };
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}
