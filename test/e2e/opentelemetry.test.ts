/** OpenTelemetry: an app's SDK exports Sluice's spans to a real receiver, in the trace that the client named. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tool } from "@langchain/core/tools";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { connect } from "../support/ws-client.ts";

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly status: { readonly code?: number };
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";
const traceparent = `00-${TRACE}-${CALLER}-01`;

const received: ReceivedSpan[] = [];
let bodies = "";
/** The headers that the graph's own requests would carry. */
const carried: Record<string, string>[] = [];
let receiver: Server;
let provider: BasicTracerProvider;
let sluice: TestSluice;
let model: SteppedModel;
let graph: object;

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    bodies += text;
    const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[] };
    received.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((listening) => receiver.listen(0, "127.0.0.1", listening));
  const { port } = receiver.address() as AddressInfo;
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}/v1/traces` });
  provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());

  model = new SteppedModel();
  const fetchIt = tool(async () => "secret result", { name: "fetch_it", description: "f", schema: z.object({}) });
  graph = new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }) => {
      const carrier = {};
      propagation.inject(context.active(), carrier);
      carried.push(carrier);
      return { messages: [await model.invoke(messages)] };
    })
    .addNode("tools", new ToolNode([fetchIt]))
    .addEdge(START, "model")
    .addEdge("model", "tools")
    .compile();
  sluice = await startSluice({ it: { graph } });
});

afterAll(async () => {
  await sluice?.close();
  await provider?.shutdown();
  trace.disable();
  context.disable();
  propagation.disable();
  receiver?.closeAllConnections();
  receiver?.close();
});

async function until(names: readonly string[]): Promise<Map<string, ReceivedSpan>> {
  for (;;) {
    await provider.forceFlush();
    const found = new Map(received.map((span) => [span.name, span]));
    if (names.every((name) => found.has(name))) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const attributesOf = ({ attributes }: ReceivedSpan) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

it("a request over HTTP, its run, its model call and its tool call are one trace, without what was said", async () => {
  model.call("fetch_it", {}, "call-1").end();
  const headers = { "Content-Type": "application/json", traceparent };
  const body = JSON.stringify(userInput("secret question", { threadId: "t", runId: "r" }));
  const response = await fetch(`${sluice.url}/agui`, { method: "POST", headers, body });
  expect(await response.text()).toContain("RUN_FINISHED");
  const spans = await until(["POST /agui/", "invoke_agent it", "chat model", "execute_tool fetch_it"]);
  const [request, run, chat, call] = [...["POST /agui/", "invoke_agent it", "chat model", "execute_tool fetch_it"]].map(
    (name) => spans.get(name) as ReceivedSpan,
  ) as [ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan];
  for (const span of [request, run, chat, call]) expect(span.traceId).toBe(TRACE);
  expect(request.parentSpanId).toBe(CALLER);
  expect(run.parentSpanId).toBe(request.spanId);
  expect(chat.parentSpanId).toBe(run.spanId);
  expect(call.parentSpanId).toBe(run.spanId);
  expect(attributesOf(run)).toEqual({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "it",
    "gen_ai.conversation.id": "t",
    "sluice.run.id": "r",
  });
  expect(attributesOf(chat)).toMatchObject({ "gen_ai.operation.name": "chat" });
  expect(attributesOf(call)).toEqual({
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "fetch_it",
    "gen_ai.tool.call.id": expect.any(String),
  });
  expect(carried.at(-1)?.traceparent).toBe(`00-${TRACE}-${run.spanId}-01`);
  expect(bodies).not.toMatch(/secret/);
});

it("a run over a WebSocket is in the trace of its upgrade; one that fails says of what kind the error was", async () => {
  received.length = 0;
  model.fail(new TypeError("secret failure"));
  const client = await connect(`${sluice.ws}/ws`, { headers: { traceparent } });
  client.send("secret question");
  await client.until((frame) => frame.includes("RUN_ERROR"));
  await client.close();
  const spans = await until(["invoke_agent it", "chat model"]);
  const run = spans.get("invoke_agent it") as ReceivedSpan;
  expect(run).toMatchObject({ traceId: TRACE, parentSpanId: CALLER, status: { code: 2 } });
  expect(attributesOf(run)["error.type"]).toBe("TypeError");
  expect(spans.get("chat model")).toMatchObject({ parentSpanId: run.spanId, status: { code: 2 } });
  expect(bodies).not.toMatch(/secret/);
});

it("TRACE_CONTENT puts the words of models and tools into their spans, and into no other", async () => {
  received.length = 0;
  const wordy = await startSluice({ wordy: { graph } }, { TRACE_CONTENT: "true" });
  model.say("secret answer").call("fetch_it", {}, "call-2").end();
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify(userInput("secret question"));
  await (await fetch(`${wordy.url}/agui`, { method: "POST", headers, body })).text();
  await wordy.close();
  const spans = await until(["POST /agui/", "invoke_agent wordy", "chat model", "execute_tool fetch_it"]);
  const attributes = (name: string) => attributesOf(spans.get(name) as ReceivedSpan) as Record<string, string>;
  const chat = attributes("chat model");
  expect(JSON.parse(chat["gen_ai.input.messages"] ?? "")).toEqual([
    { role: "user", parts: [{ type: "text", content: "secret question" }] },
  ]);
  expect(JSON.parse(chat["gen_ai.output.messages"] ?? "")).toEqual([
    {
      role: "assistant",
      parts: [
        { type: "text", content: "secret answer" },
        { type: "tool_call", id: "call-2", name: "fetch_it", arguments: {} },
      ],
    },
  ]);
  const call = attributes("execute_tool fetch_it");
  expect(call["gen_ai.tool.call.arguments"]).toBe("{}");
  expect(call["gen_ai.tool.call.result"]).toBe("secret result");
  for (const name of ["POST /agui/", "invoke_agent wordy"])
    expect(JSON.stringify(attributes(name))).not.toMatch(/secret/);
});
